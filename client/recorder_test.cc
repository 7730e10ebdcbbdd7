#include "client/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "client/transport.h"

namespace skiff {
namespace {

ReportedEvent Reported(const std::string& message, TimePoint at = TimePoint(1'700'000'000s)) {
  ReportedEvent reported;
  reported.object.kind = "Pod";
  reported.object.api_version = "v1";
  reported.object.namespace_ = "ns";
  reported.object.name = "p";
  reported.object.uid = "u";
  reported.type = EventType::kNormal;
  reported.reason = "Created";
  reported.message = message;
  reported.component = "kubelet";
  reported.at = at;
  return reported;
}

TEST(EventCorrelatorTest, TheSecondOfTheSameIsCounted) {
  EventCorrelator correlator;
  const auto first = correlator.Correlate(Reported("Container created"));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->patch);
  EXPECT_EQ(first->event.count, 1);
  EXPECT_EQ(first->event.metadata.name, "p.17979cfe362a0000");
  correlator.Wrote(first->key, std::make_shared<const core_v1::Event>(first->event));
  const auto second =
      correlator.Correlate(Reported("Container created", TimePoint(1'700'000'005s)));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->patch);
  EXPECT_EQ(second->event.count, 2);
  EXPECT_EQ(second->event.metadata.name, first->event.metadata.name);
  EXPECT_EQ(second->event.first_timestamp, first->event.first_timestamp);
}

TEST(EventCorrelatorTest, AnnotationsAreThoseOfTheFirst) {
  EventCorrelator correlator;
  ReportedEvent reported = Reported("low on memory");
  reported.annotations["starved_resource"] = "memory";
  const auto first = correlator.Correlate(reported);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->event.metadata.annotations, reported.annotations);
  correlator.Wrote(first->key, std::make_shared<const core_v1::Event>(first->event));
  reported.annotations["starved_resource"] = "pids";
  EXPECT_EQ(correlator.Correlate(reported)->event.metadata.annotations,
            first->event.metadata.annotations);
}

TEST(EventCorrelatorTest, AnotherMessageIsAnotherEvent) {
  EventCorrelator correlator;
  const auto first = correlator.Correlate(Reported("one"));
  correlator.Wrote(first->key, std::make_shared<const core_v1::Event>(first->event));
  EXPECT_FALSE(correlator.Correlate(Reported("two"))->patch);
}

TEST(EventCorrelatorTest, ManySimilarMessagesAreCombined) {
  EventCorrelator correlator;
  for (int i = 0; i < 9; ++i) {
    const auto write = correlator.Correlate(Reported("message " + std::to_string(i)));
    ASSERT_TRUE(write);
    EXPECT_EQ(write->event.message, "message " + std::to_string(i));
    correlator.Wrote(write->key, std::make_shared<const core_v1::Event>(write->event));
  }
  const auto tenth = correlator.Correlate(Reported("message 9"));
  EXPECT_EQ(tenth->event.message, "(combined from similar events): message 9");
  correlator.Wrote(tenth->key, std::make_shared<const core_v1::Event>(tenth->event));
  const auto next = correlator.Correlate(Reported("message 10"));
  EXPECT_TRUE(next->patch);
  EXPECT_EQ(next->event.message, "(combined from similar events): message 10");
}

TEST(EventCorrelatorTest, AFloodIsDroppedAndTheBucketRefills) {
  EventCorrelator correlator;
  int written = 0;
  for (int i = 0; i < 100; ++i) written += correlator.Correlate(Reported("same")).has_value();
  EXPECT_EQ(written, EventCorrelator::kBurst);
  EXPECT_TRUE(correlator.Correlate(Reported("same", TimePoint(1'700'000'301s))));
  EXPECT_FALSE(correlator.Correlate(Reported("same", TimePoint(1'700'000'302s))));
}

TEST(EventCorrelatorTest, WhatAFloodDropsIsCountedAllTheSame) {
  EventCorrelator correlator;
  for (int i = 1; i <= EventCorrelator::kBurst; ++i) {
    const auto write = correlator.Correlate(Reported("same"));
    ASSERT_TRUE(write);
    EXPECT_EQ(write->event.count, i);
    correlator.Wrote(write->key, std::make_shared<const core_v1::Event>(write->event));
  }
  constexpr int kDropped = 10;
  for (int i = 0; i < kDropped; ++i) EXPECT_FALSE(correlator.Correlate(Reported("same")));
  const auto next = correlator.Correlate(Reported("same", TimePoint(1'700'000'301s)));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->patch);
  EXPECT_EQ(next->event.count, EventCorrelator::kBurst + kDropped + 1);
}

TEST(EventCorrelatorTest, WhatWasOnlyDroppedYetIsWrittenAsTheFirstOfIts) {
  EventCorrelator correlator;
  for (int i = 0; i < EventCorrelator::kBurst; ++i) correlator.Correlate(Reported("same"));
  ReportedEvent other = Reported("other");
  EXPECT_FALSE(correlator.Correlate(other));
  const TimePoint first = other.at;
  other.at += 301s;
  const auto write = correlator.Correlate(other);
  ASSERT_TRUE(write);
  EXPECT_FALSE(write->patch);
  EXPECT_EQ(write->event.count, 2);
  EXPECT_EQ(write->event.metadata.name, "p.17979cfe362a0000");
  EXPECT_EQ(write->event.first_timestamp.point(), first);
  EXPECT_EQ(write->event.last_timestamp.point(), other.at);
}

TEST(EventCorrelatorTest, SimilarOnesAreThoseOfAReasonWithoutALongPauseBetween) {
  EventCorrelator correlator;
  ReportedEvent reported = Reported("");
  constexpr Duration kPause = EventCorrelator::kSimilarWindow - 1s;
  const auto report = [&](int number, Duration later) {
    reported.at += later;
    reported.object.field_path = "spec.containers{" + std::to_string(number) + "}";
    reported.message = "message " + std::to_string(number);
    return correlator.Correlate(reported);
  };
  for (int i = 0; i < 9; ++i) EXPECT_EQ(report(i, kPause)->event.message, reported.message);
  const auto tenth = report(9, kPause);
  EXPECT_EQ(tenth->event.message, "(combined from similar events): message 9");
  EXPECT_EQ(tenth->event.reporting_component, "") << "nobody said that alone";
  EXPECT_EQ(report(10, EventCorrelator::kSimilarWindow + 1s)->event.message, "message 10");
}

TEST(EventCorrelatorTest, AnEventOfANameThatNoEventCanHaveHasAnother) {
  EventCorrelator correlator;
  for (const std::string& name : {std::string("system:x"), std::string(250, 'p')}) {
    ReportedEvent reported = Reported("m");
    reported.object.name = name;
    const core_v1::Event event = correlator.Correlate(reported)->event;
    EXPECT_EQ(event.involved_object.name, name);
    EXPECT_THAT(event.metadata.name, testing::MatchesRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-.*"));
  }
}

TEST(EventCorrelatorTest, WhoReportedItIsSaidTwice) {
  EventCorrelator correlator;
  ReportedEvent reported = Reported("m");
  reported.host = "n1";
  const core_v1::Event event = correlator.Correlate(reported)->event;
  EXPECT_EQ(event.source.component, "kubelet");
  EXPECT_EQ(event.source.host, "n1");
  EXPECT_EQ(event.reporting_component, "kubelet");
  EXPECT_EQ(event.reporting_instance, "n1");
}

TEST(EventQueueTest, WhatIsTooManyIsDroppedAndTheLogSaysSoTwice) {
  FakeClock clock;
  size_t written = 0;
  InProcessTransport transport([&](const http::Request& request) {
    ++written;
    http::Response response;
    response.status = 201;
    response.content_type = "application/json";
    response.body = request.body;
    return response;
  });
  Client client(transport, "test");
  EventSink sink(client, clock);
  testing::internal::CaptureStderr();
  constexpr size_t kMore = 50;
  for (int round = 0; round < 2; ++round) {
    written = 0;
    for (size_t i = 0; i < EventSink::kQueueMax + kMore; ++i) {
      ReportedEvent event = Reported("m");
      event.object.uid = std::to_string(round) + "-" + std::to_string(i);
      sink.Add(std::move(event));
    }
    while (sink.Step() == Duration(0)) {
    }
    EXPECT_EQ(written, EventSink::kQueueMax);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  const auto count = [&](const std::string& text) {
    int found = 0;
    for (size_t at = said.find(text); at != said.npos; at = said.find(text, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("events are dropped until those that wait are written"), 2) << said;
  EXPECT_EQ(count("events were dropped"), 2) << said;
  EXPECT_EQ(count("count=\"50\""), 2) << said;
}

TEST(EventQueueTest, OfALongMessageTheBeginningIsTold) {
  FakeClock clock;
  std::string message;
  InProcessTransport transport([&](const http::Request& request) {
    http::Response response;
    response.status = 201;
    response.content_type = "application/json";
    response.body = request.body;
    message = ParseJson(request.body)->at("message").get<std::string>();
    return response;
  });
  Client client(transport, "test");
  EventSink sink(client, clock);
  sink.Add(Reported("Error: " + std::string(1 << 20, 'x')));
  while (sink.Step() == Duration(0)) {
  }
  EXPECT_EQ(message.size(), EventSink::kMessageBytesMax);
  EXPECT_TRUE(message.starts_with("Error: x"));
}

}  // namespace
}  // namespace skiff
