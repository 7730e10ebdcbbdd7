#include "api/codec/handed.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/sample_document.h"
#include "api/codec/struct_text.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/text/time_text.h"

namespace skiff {
namespace {

Time WithFraction(int64_t seconds) { return Time(Instant{seconds, 123456789}); }

TEST(HandedTest, AnObjectIsTakenAsItsOwnTypeAlone) {
  core_v1::Pod pod;
  pod.metadata.name = "web";
  const HandedObject handed(core_v1::Pod::Describe(), Borrowed(&pod));
  EXPECT_EQ(HandedAs<core_v1::Pod>(&handed), &pod);
  EXPECT_EQ(HandedAs<core_v1::Node>(&handed), nullptr);
  EXPECT_EQ(HandedAs<core_v1::Pod>(nullptr), nullptr);
  std::string text;
  AppendStruct(core_v1::Pod::Describe(), &pod, text);
  EXPECT_EQ(handed.Text(), text);
}

TEST(HandedTest, APatchIsKnownOfOneVersionAndItsTextIsMadeOnceAndOnlyIfAsked) {
  core_v1::Pod changed;
  int texts = 0;
  const HandedPatch patch(core_v1::Pod::Describe(), Borrowed(&changed), "7", [&] {
    ++texts;
    return "{}";
  });
  EXPECT_EQ(patch.ChangedFrom(core_v1::Pod::Describe(), "7"), &changed);
  EXPECT_EQ(texts, 0);
  EXPECT_EQ(patch.ChangedFrom(core_v1::Pod::Describe(), "8"), nullptr);
  EXPECT_EQ(patch.ChangedFrom(core_v1::Node::Describe(), "7"), nullptr);
  EXPECT_EQ(patch.Text(), "{}");
  EXPECT_EQ(patch.Text(), "{}");
  EXPECT_EQ(texts, 1);
  const HandedPatch of_none(core_v1::Pod::Describe(), Borrowed(&changed), "", [] { return "{}"; });
  EXPECT_EQ(of_none.ChangedFrom(core_v1::Pod::Describe(), ""), nullptr);
}

TEST(HandedTest, APatchMayBeKnownOfOneMemberAlone) {
  core_v1::PodStatus status;
  status.phase = "Running";
  const HandedPatch::Member changed{core_v1::PodStatus::Describe(), Borrowed(&status),
                                    [](void* object, void* value) {
                                      static_cast<core_v1::Pod*>(object)->status =
                                          std::move(*static_cast<core_v1::PodStatus*>(value));
                                    }};
  const HandedPatch patch(core_v1::Pod::Describe(), changed, "7", [] { return "{}"; });
  EXPECT_EQ(patch.ChangedFrom(core_v1::Pod::Describe(), "7"), nullptr);
  EXPECT_EQ(patch.MemberChangedFrom(core_v1::Pod::Describe(), "8"), nullptr);
  EXPECT_EQ(patch.MemberChangedFrom(core_v1::Node::Describe(), "7"), nullptr);
  const auto* member = patch.MemberChangedFrom(core_v1::Pod::Describe(), "7");
  ASSERT_NE(member, nullptr);
  core_v1::Pod pod;
  pod.spec.node_name = "n";
  auto copy = CopyAsRead(member->type, member->value.get());
  ASSERT_TRUE(copy);
  member->put(&pod, copy->get());
  EXPECT_EQ(pod.status.phase, "Running");
  EXPECT_EQ(pod.spec.node_name, "n");
  EXPECT_EQ(status.phase, "Running") << "what was handed over stays";
}

// As the text would have it.
template <Kind K>
K ThroughText(const K& object) {
  std::string text;
  AppendStruct(K::Describe(), &object, text);
  K read;
  EXPECT_TRUE(DecodeStruct(K::Describe(), text, FieldValidation::kStrict, &read));
  return read;
}

TEST(HandedTest, TimesAreRoundedAsTextRoundsThemWhereverTheyStand) {
  core_v1::Pod pod;
  pod.metadata.creation_timestamp = WithFraction(1'700'000'000);
  pod.metadata.deletion_timestamp = WithFraction(-5);
  pod.metadata.managed_fields.emplace_back().time = WithFraction(1);
  pod.spec.containers.emplace_back().name = "a";
  auto& condition = pod.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.last_transition_time = WithFraction(3);
  pod.status.container_statuses.emplace_back().state.running.emplace().started_at = WithFraction(4);
  ASSERT_NE(pod, ThroughText(pod)) << "or there is nothing to round";
  RoundTimes(core_v1::Pod::Describe(), &pod);
  EXPECT_EQ(pod, ThroughText(pod));

  coordination_v1::Lease lease;
  lease.spec.renew_time = WithFraction(5);
  RoundTimes(coordination_v1::Lease::Describe(), &lease);
  EXPECT_EQ(lease.spec.renew_time->instant().nanos, 123456000);
  EXPECT_EQ(lease, ThroughText(lease));
}

// Of every kind, with all of its fields in use.
TEST(HandedTest, ACopyIsWhatIsReadFromTheText) {
  for (const KindInfo* kind : BuiltInKinds()) {
    const Type& type = *kind->type;
    const StructPtr object = MakeStruct(type);
    const std::string sample = DumpJson(SampleDocument(type, 1));
    ASSERT_TRUE(DecodeStruct(type, sample, FieldValidation::kIgnore, object.get()));
    const auto copy = CopyAsRead(type, object.get());
    ASSERT_TRUE(copy) << kind->kind;
    EXPECT_EQ(ToJson(type, copy->get()), ToJson(type, object.get())) << kind->kind;
  }
  core_v1::Pod pod;
  pod.metadata.creation_timestamp = WithFraction(1'700'000'000);
  pod.metadata.annotations = {{"k\xff", "a"}, {"v", "\xc3"}, {"fine", "K\xc3\xb6ln"}};
  pod.spec.containers.emplace_back().name = "\xed\xa0\x80";
  const auto copy = CopyAsRead(core_v1::Pod::Describe(), &pod);
  ASSERT_TRUE(copy);
  EXPECT_EQ(*static_cast<const core_v1::Pod*>(copy->get()), ThroughText(pod));
  EXPECT_TRUE(ThroughText(pod).metadata.annotations.contains("k\xef\xbf\xbd"));
}

// What is no UTF-8 is found wherever text stands: in lists, as keys, behind pointers.
TEST(HandedTest, WhatIsNoUtf8IsMendedWhereverItStands) {
  const std::string broken = "a\xff";
  const std::function<void(core_v1::Pod&)> places[] = {
      [&](auto& pod) { pod.metadata.labels[broken] = "x"; },
      [&](auto& pod) { pod.metadata.labels["x"] = broken; },
      [&](auto& pod) {
        pod.metadata.finalizers = {"x", broken};
      },
      [&](auto& pod) { pod.spec.containers.emplace_back().env.emplace_back().value = broken; },
      [&](auto& pod) {
        pod.status.container_statuses.emplace_back().state.terminated.emplace().message = broken;
      }};
  for (const auto& put : places) {
    core_v1::Pod pod;
    put(pod);
    const auto read = CopyAsRead(core_v1::Pod::Describe(), &pod);
    ASSERT_TRUE(read);
    EXPECT_EQ(*static_cast<const core_v1::Pod*>(read->get()), ThroughText(pod));
    EXPECT_NE(*static_cast<const core_v1::Pod*>(read->get()), pod);
  }
}

}  // namespace
}  // namespace skiff
