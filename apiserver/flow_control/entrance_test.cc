// Who is let in, who waits, who is refused, and what becomes of those that wait.
#include "apiserver/flow_control/entrance.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "apiserver/flow_control/entrance_fixture.h"
#include "apiserver/request/answer_stream.h"

namespace skiff::flow_control {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(EntranceTest, WhoWaitedIsServedWhenAnotherIsDone) {
  EXPECT_EQ(Fill(PersonOf("alice")), 2) << "half of the slots";
  Waiting& next = Wait(PersonOf("alice"));
  EXPECT_FALSE(IsAnswered(next));
  in_hand_.pop_front();
  EXPECT_EQ(next.answered.get(), 200);
}

TEST_F(EntranceTest, WhoIsExemptPassesWhateverTheOthersDo) {
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) Fill(PersonOf(name));
  Waiting& stuck = Wait(PersonOf("a"));
  EXPECT_EQ(Fill(kMaster, 50), 50);
  EXPECT_EQ(Enter(PersonOf("a"), "/readyz").state(), Pass::State::kIn);
  EXPECT_FALSE(IsAnswered(stuck));
}

TEST_F(EntranceTest, WithoutQueuesWhoFindsNoSeatIsRefused) {
  Open({.read_slots = 100, .write_slots = 4});
  const User nobody{.name = "nobody"};
  // The 13 seats of catch-all, and what others lend that want none.
  EXPECT_EQ(Fill(nobody), 30);
  const Pass refused = Enter(nobody);
  ASSERT_EQ(refused.state(), Pass::State::kRefused);
  const http::Response answer = entrance_->Refusal(refused, http::Request());
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, "Too many requests, please try again later.\n");
  EXPECT_EQ(answer.Header("Retry-After"), "1");
  EXPECT_EQ(answer.Header("X-Kubernetes-PF-FlowSchema-UID"), "uid-of-catch-all");
  EXPECT_EQ(answer.Header("X-Kubernetes-PF-PriorityLevel-UID"), "uid-of-catch-all");
  EXPECT_THAT(registry_->Text(),
              HasSubstr("apiserver_flowcontrol_rejected_requests_total{flow_schema=\"catch-all\","
                        "priority_level=\"catch-all\",reason=\"concurrency-limit\"} 2"));
}

TEST_F(EntranceTest, AFullQueueRefuses) {
  AddLevel("small", "alice", {{"queues", 1}, {"handSize", 1}, {"queueLengthLimit", 2}});
  Fill(PersonOf("alice"));
  Wait(PersonOf("alice"));
  Wait(PersonOf("alice"));
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kRefused);
  EXPECT_THAT(registry_->Text(), HasSubstr("reason=\"queue-full\"} 1"));
}

TEST_F(EntranceTest, WhoHasWaitedForAQuarterOfHisTimeIsRefused) {
  Fill(PersonOf("alice"));
  Waiting& patient = Wait(PersonOf("alice"));
  Waiting& hasty = Wait(PersonOf("alice"), "/api/v1/namespaces/a/pods/p?timeout=4s");
  EXPECT_EQ(entrance_->Step(), 1s);
  clock_.Advance(1s);
  EXPECT_GT(entrance_->Step(), 0s);
  EXPECT_EQ(hasty.answered.get(), 429);
  EXPECT_EQ(hasty.retry_after, "1");
  EXPECT_FALSE(IsAnswered(patient));
  clock_.Advance(14s);
  entrance_->Step();
  EXPECT_EQ(patient.answered.get(), 429);
  EXPECT_THAT(registry_->Text(), HasSubstr("reason=\"time-out\"} 2"));
  in_hand_.clear();
  EXPECT_TRUE(order_.empty()) << "who was refused is not served later";
}

TEST_F(EntranceTest, AClientThatLeavesIsTakenOutOfItsQueue) {
  keep_ = true;
  Fill(PersonOf("alice"));
  Waiting& leaves = Wait(PersonOf("alice"), "/api/v1/namespaces/a/pods/p", std::string(100, 'x'));
  Waiting& stays = Wait(PersonOf("alice"));
  EXPECT_THAT(registry_->Text(), HasSubstr("current_inqueue_requests{flow_schema=\"global-default\""
                                           ",priority_level=\"global-default\"} 2"));
  leaves.response.pending.reset();
  EXPECT_THAT(registry_->Text(), HasSubstr("current_inqueue_requests{flow_schema=\"global-default\""
                                           ",priority_level=\"global-default\"} 1"));
  EXPECT_THAT(registry_->Text(), HasSubstr("reason=\"cancelled\"} 1"));
  in_hand_.pop_front();
  EXPECT_EQ(stays.answered.get(), 200);
  EXPECT_EQ(order_.size(), 1u);
  EXPECT_FALSE(IsAnswered(leaves));
}

TEST_F(EntranceTest, WhatWaitsHoldsNoMoreThanItMay) {
  Open({.read_slots = 4, .write_slots = 4, .bytes_max = 20'000, .bytes_per_level_max = 12'000});
  Fill(PersonOf("alice"));
  EXPECT_FALSE(IsAnswered(Wait(PersonOf("alice"), "/api/v1/pods/a", std::string(9000, 'x'))));
  Waiting& too_much = Wait(PersonOf("alice"), "/api/v1/pods/a", std::string(9000, 'x'));
  EXPECT_EQ(too_much.answered.get(), 429);
  waiting_.front().response.pending.reset();
  EXPECT_FALSE(IsAnswered(Wait(PersonOf("alice"), "/api/v1/pods/a", std::string(9000, 'x'))));
}

// Large answers that their clients have not taken.
class UnsentTest : public EntranceTest {
 protected:
  UnsentTest() { Open({.read_slots = 4, .write_slots = 4, .unsent_bytes_max = 1 << 20}); }
  http::Response Answer(const std::string& user, size_t bytes, std::string from = "192.0.2.9") {
    Asked& asked = Make(PersonOf(user), "/api/v1/namespaces/a/pods/p");
    asked.http.remote_address = std::move(from);
    const Pass pass = entrance_->Enter(asked.question());
    EXPECT_EQ(pass.state(), Pass::State::kIn);
    http::Response response;
    response.body = std::string(bytes - 10, 'b');
    response.pieces = {std::make_shared<const std::string>("piece"),
                       std::make_shared<const std::string>("s end")};
    return entrance_->Send(pass, asked.http, std::move(response));
  }
  static http::Pulled PullAll(http::Response& response, std::string& text) {
    for (;;) {
      std::vector<http::SharedBytes> chunks;
      const http::Pulled pulled = response.stream->Pull(1 << 10, chunks);
      for (const auto& chunk : chunks) text += *chunk;
      if (pulled != http::Pulled::kMore) return pulled;
    }
  }
};

TEST_F(UnsentTest, WhoDoesNotTakeThemBeginsNothingMore) {
  http::Response unsent = Answer("alice", 600 << 10);
  ASSERT_TRUE(unsent.stream);
  EXPECT_EQ(unsent.Header("Content-Length"), std::to_string(600 << 10));
  Waiting& more = Wait(PersonOf("alice"));
  EXPECT_FALSE(IsAnswered(more));
  EXPECT_EQ(Enter(PersonOf("bob")).state(), Pass::State::kIn) << "others do";
  EXPECT_EQ(Enter(kMaster).state(), Pass::State::kIn);
  std::string text;
  EXPECT_EQ(PullAll(unsent, text), http::Pulled::kEnd);
  EXPECT_EQ(text, std::string((600 << 10) - 10, 'b') + "pieces end");
  EXPECT_FALSE(IsAnswered(more));
  unsent.stream = nullptr;
  EXPECT_EQ(more.answered.get(), 200);
}

TEST_F(UnsentTest, WhatIsNotTakenInTimeIsLetGo) {
  http::Response unsent = Answer("alice", 600 << 10);
  Waiting& more = Wait(PersonOf("alice"));
  more.response.pending = nullptr;
  clock_.Advance(59s);
  EXPECT_GT(entrance_->Step(), 0s);
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kMustWait);
  bool woken = false;
  unsent.stream->Attach([&] { woken = true; });
  clock_.Advance(2s);
  entrance_->Step();
  EXPECT_TRUE(woken);
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kIn);
  std::string text;
  EXPECT_EQ(PullAll(unsent, text), http::Pulled::kAbort);
}

// As much as anybody takes.
class EndlessAnswer final : public AnswerStream {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    out.push_back(std::make_shared<const std::string>(bytes_max, 'x'));
    return http::Pulled::kMore;
  }
  size_t HeldBytesMax() const override { return 1 << 20; }
};

TEST_F(UnsentTest, WhatIsMadeAsItIsTakenHasTimeForWhatWasTaken) {
  Asked& asked = Make(PersonOf("alice"), "/api/v1/pods");
  asked.http.remote_address = "192.0.2.9";
  http::Response response;
  response.stream = std::make_unique<EndlessAnswer>();
  const auto sent = entrance_->Send(entrance_->Enter(asked.question()), asked.http,
                                    std::move(response));
  EXPECT_EQ(sent.Header("Content-Length"), "");
  Waiting& more = Wait(PersonOf("alice"));
  more.response.pending = nullptr;
  EXPECT_FALSE(IsAnswered(more)) << "what it may hold counts";
  std::vector<http::SharedBytes> taken;
  EXPECT_EQ(sent.stream->Pull(20 << 20, taken), http::Pulled::kMore);
  for (const auto& [time, then] : {std::pair(75s, http::Pulled::kMore),
                                   std::pair(10s, http::Pulled::kAbort)}) {
    clock_.Advance(time);
    entrance_->Step();
    EXPECT_EQ(sent.stream->Pull(1, taken), then);
  }
}

TEST_F(UnsentTest, SmallOnesAndThoseInThisProcessAreSentAsTheyAre) {
  EXPECT_FALSE(Answer("alice", 60 << 10).stream);
  const http::Response here = Answer("alice", 600 << 10, "");
  EXPECT_FALSE(here.stream);
  EXPECT_EQ(here.body.size() + 10, size_t{600} << 10);
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kIn);
}

TEST_F(EntranceTest, AFloodDoesNotDelayItsNeighbour) {
  keep_ = true;
  Fill(PersonOf("flood"));
  for (int i = 0; i < 200; ++i) Wait(PersonOf("flood"));
  // Of the same level, there is room at once,
  Pass quiet = Enter(PersonOf("quiet"));
  EXPECT_EQ(quiet.state(), Pass::State::kIn);
  // and where there is none, the next turn but few is his.
  Fill(PersonOf("third"));
  Waiting& next = Wait(PersonOf("quiet"));
  int done = 0;
  while (!IsAnswered(next) && done < 20) {
    std::list<Pass> finished;
    {
      const MutexLock lock(mutex_);
      if (in_hand_.empty()) continue;
      finished.splice(finished.begin(), in_hand_, in_hand_.begin());
    }
    finished.clear();
    ++done;
    next.answered.wait_for(20ms);
  }
  EXPECT_LE(done, 6);
}

TEST_F(EntranceTest, ASchemaMovesAUserAndWhatIsInHandStaysWhereItIs) {
  const User alice = PersonOf("alice");
  Fill(alice);
  Waiting& before = Wait(alice);
  AddLevel("own", "alice", {{"queues", 1}, {"handSize", 1}, {"queueLengthLimit", 5}});
  http::Response answer;
  const Pass pass = Enter(alice);
  ASSERT_EQ(pass.state(), Pass::State::kIn);
  pass.Mark(answer);
  EXPECT_EQ(answer.Header("X-Kubernetes-PF-FlowSchema-UID"), "schema-own");
  EXPECT_EQ(answer.Header("X-Kubernetes-PF-PriorityLevel-UID"), "level-own");
  EXPECT_THAT(registry_->Text(), HasSubstr("current_inqueue_requests{flow_schema=\"global-default\""
                                           ",priority_level=\"global-default\"} 1"));
  in_hand_.pop_front();
  EXPECT_EQ(before.answered.get(), 200);
}

TEST_F(EntranceTest, ThereIsAlwaysACatchAllAndAnExemptLevel) {
  entrance_->Configure({}, {});
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kIn);
  EXPECT_EQ(Fill(kMaster, 50), 50);
  EXPECT_THAT(entrance_->DumpLevels(), HasSubstr("catch-all,"));
}

TEST_F(EntranceTest, WhatLastsLongTakesNoSeat) {
  Fill(PersonOf("alice"));
  for (const char* target :
       {"/api/v1/namespaces/a/pods/p/log", "/api/v1/namespaces/a/pods/p/exec",
        "/api/v1/nodes/n/proxy/metrics", "/debug/pprof/heap"}) {
    EXPECT_EQ(Enter(PersonOf("alice"), target).state(), Pass::State::kIn) << target;
  }
  EXPECT_EQ(Enter(PersonOf("alice"), "/api/v1/pods?watch=1").state(), Pass::State::kMustWait);
}

TEST_F(EntranceTest, WhoLeavesHisWorkerLetsAnotherWork) {
  Fill(PersonOf("alice"));
  Waiting& next = Wait(PersonOf("alice"));
  in_hand_.front().LeaveWorker();
  EXPECT_EQ(next.answered.get(), 200);
}

TEST_F(EntranceTest, WhoeverWaitsAtTheEndIsToldSo) {
  Fill(PersonOf("alice"));
  Waiting& next = Wait(PersonOf("alice"));
  entrance_->Stop();
  EXPECT_EQ(next.answered.get(), 429);
  EXPECT_EQ(Enter(PersonOf("bob")).state(), Pass::State::kMustWait);
  EXPECT_EQ(Wait(PersonOf("bob")).answered.get(), 429);
}

TEST_F(EntranceTest, WithoutFairnessRequestsAreCounted) {
  Open({.fair = false, .reading_max = 3, .writing_max = 1});
  EXPECT_EQ(Fill(PersonOf("alice")), 3);
  EXPECT_EQ(Enter(PersonOf("bob")).state(), Pass::State::kRefused);
  EXPECT_EQ(Enter(kMaster).state(), Pass::State::kIn);
  Pass write = Enter(PersonOf("bob"), "/api/v1/namespaces/a/pods", "POST");
  EXPECT_EQ(write.state(), Pass::State::kIn);
  EXPECT_EQ(Enter(PersonOf("bob"), "/api/v1/namespaces/a/pods", "POST").state(),
            Pass::State::kRefused);
  in_hand_.clear();
  EXPECT_EQ(Fill(PersonOf("bob")), 3);
}

TEST_F(EntranceTest, AWideListHoldsItsSeats) {
  objects_ = 700;
  const Pass list = Enter(PersonOf("alice"), "/api/v1/pods");
  ASSERT_EQ(list.state(), Pass::State::kIn);
  EXPECT_THAT(registry_->Text(),
              HasSubstr("apiserver_flowcontrol_current_executing_seats{flow_schema="
                        "\"global-default\",priority_level=\"global-default\"} 7"));
}

TEST_F(EntranceTest, TheDumpsHaveKubernetesColumns) {
  Fill(PersonOf("alice"));
  Wait(PersonOf("alice"), "/api/v1/namespaces/a/pods/p");
  const std::string levels = entrance_->DumpLevels();
  EXPECT_THAT(levels,
              testing::StartsWith(
                  "PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, "
                  "ExecutingRequests, DispatchedRequests, RejectedRequests, TimedoutRequests, "
                  "CancelledRequests\ncatch-all,         0,            true,   false,       "));
  EXPECT_THAT(levels, HasSubstr("\nglobal-default,    3,            false,  false,       1,"
                                "               2,                 2, "));
  const std::string queues = entrance_->DumpQueues();
  EXPECT_EQ(std::count(queues.begin(), queues.end(), '\n'), 1 + 64 + 64 + 16 + 128 * 3);
  EXPECT_THAT(entrance_->DumpRequests(false),
              HasSubstr("alice,           2023-11-14T22:13:20Z, 1,            0,          0s,"
                        "                0001-01-01T00:00:00Z\n"));
  EXPECT_THAT(entrance_->DumpRequests(true),
              HasSubstr(" alice,    get,    /api/v1/namespaces/a/pods/p, a,         p,      v1, "));
}

TEST_F(EntranceTest, WhatIsWorkedOnIsDumpedUntilItIsDone) {
  const auto rows = [this](bool details) {
    const std::string text = entrance_->DumpRequests(details);
    return text.substr(text.find('\n') + 1);
  };
  {
    const Pass exempt = Enter(kMaster, "/api/v1/namespaces/a/pods?watch=1");
    EXPECT_THAT(rows(true),
                testing::MatchesRegex(
                    "exempt, +exempt, +-1, +-1, +, +2023-11-14T22:13:20Z, +1, +0, +0s, "
                    "+2023-11-14T22:13:20Z, +root, +watch, +/api/v1/namespaces/a/pods, +a, +, +v1, "
                    "+pods, +\n"));
    clock_.Advance(2s);
    const Pass pass = Enter(PersonOf("alice"));
    EXPECT_THAT(rows(false),
                testing::ContainsRegex("\nglobal-default, +global-default, +[0-9]+, +-1, +alice, "
                                       "+2023-11-14T22:13:22Z, +1, +0, +0s, "
                                       "+2023-11-14T22:13:22Z\n"));
  }
  EXPECT_EQ(rows(false), "");
}

TEST_F(EntranceTest, AWatchKeepsItsSeatsUntilItHasBegun) {
  AddLevel("small", "alice", nullptr);
  const auto watch = [this] {
    Pass pass = Enter(PersonOf("alice"), "/api/v1/pods?watch=1");
    auto beginning = entrance_->BeginningOf(pass);
    if (beginning) beginning->Expect();
    entrance_->Hold(beginning, std::move(pass));
    return beginning;
  };
  std::vector<std::shared_ptr<InitialEvents>> held;
  while (auto beginning = watch()) held.push_back(beginning);
  ASSERT_GE(held.size(), 1u);
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kRefused);
  held.front()->Sent();
  held.front()->Sent();
  EXPECT_EQ(Enter(PersonOf("alice")).state(), Pass::State::kIn);
  // Nobody holds them for long by not reading.
  held.front() = watch();
  ASSERT_NE(held.front(), nullptr);
  clock_.Advance(61s);
  entrance_->Step();
  size_t again = 0;
  while (watch()) ++again;
  EXPECT_EQ(again, held.size());
  held.front()->Sent();
}

TEST_F(EntranceTest, WhatIsNoWatchOfThisServerKeepsNoSeats) {
  AddLevel("small", "alice", nullptr);
  const int seats = Fill(PersonOf("alice"));
  in_hand_.clear();
  std::vector<std::shared_ptr<InitialEvents>> unexpected;
  for (int i = 0; i < seats + 2; ++i) {
    Pass pass = Enter(PersonOf("alice"), "/api/v1/pods?watch=1");
    ASSERT_EQ(pass.state(), Pass::State::kIn);
    unexpected.push_back(entrance_->BeginningOf(pass));
    entrance_->Hold(unexpected.back(), std::move(pass));
  }
}

TEST_F(EntranceTest, TheTimeInWhichSeatsAreUsedIsMeasured) {
  AddLevel("small", "alice", nullptr);
  const auto has = [this](const std::string& line) {
    EXPECT_THAT(registry_->Text(), HasSubstr("\napiserver_flowcontrol_" + line + "\n"));
  };
  in_hand_.push_back(Enter(PersonOf("alice"), "/api/v1/namespaces/a/pods/p", "PATCH"));
  clock_.Advance(10ns);
  has("demand_seats_count{priority_level=\"small\"} 10");
  has("priority_level_seat_utilization_bucket{phase=\"executing\",priority_level=\"small\","
      "le=\"0\"} 0");
  has("priority_level_request_utilization_count{phase=\"executing\",priority_level=\"small\"} 10");
  has("read_vs_write_current_requests_bucket{phase=\"executing\",request_kind=\"mutating\","
      "le=\"0\"} 0");
  has("read_vs_write_current_requests_bucket{phase=\"executing\",request_kind=\"readOnly\","
      "le=\"0\"} 10");
  has("watch_count_samples_count{flow_schema=\"small\",priority_level=\"small\"} 1");
  has("request_queue_length_after_enqueue_count{flow_schema=\"small\",priority_level=\"small\"} "
      "1");
  has("current_r{priority_level=\"global-default\"} 0");
}

TEST_F(EntranceTest, HowOftenThereAreNoSeatsIsCounted) {
  Open({.reading_max = 4, .writing_max = 2, .read_slots = 4, .write_slots = 4});
  AddLevel("small", "alice",
           {{"queues", 1}, {"handSize", 1}, {"queueLengthLimit", 5}});
  EXPECT_EQ(Fill(PersonOf("alice")), 1);
  const std::string total =
      "apiserver_flowcontrol_request_dispatch_no_accommodation_total{flow_schema=\"small\","
      "priority_level=\"small\"} ";
  EXPECT_THAT(registry_->Text(), Not(HasSubstr(total)));
  Wait(PersonOf("alice"));
  EXPECT_THAT(registry_->Text(), HasSubstr(total + "1\n"));
}

TEST_F(EntranceTest, SeatsAreMeasured) {
  EXPECT_THAT(registry_->Text(),
              HasSubstr("apiserver_flowcontrol_nominal_limit_seats{priority_level=\"workload-low\"}"
                        " 245"));
  { const Pass pass = Enter(PersonOf("alice")); }
  EXPECT_THAT(registry_->Text(),
              HasSubstr("apiserver_flowcontrol_dispatched_requests_total{flow_schema="
                        "\"global-default\",priority_level=\"global-default\"} 1"));
  EXPECT_THAT(registry_->Text(),
              HasSubstr("apiserver_flowcontrol_request_wait_duration_seconds_count{execute=\"true\""
                        ",flow_schema=\"global-default\",priority_level=\"global-default\"} 1"));
  // Limits are adjusted while somebody asks, and nobody is woken for it after that.
  EXPECT_EQ(entrance_->Step(), kAdjustPeriod);
  clock_.Advance(kAdjustPeriod);
  entrance_->Step();
  clock_.Advance(2h);
  EXPECT_EQ(entrance_->Step(), kNever);
}

}  // namespace
}  // namespace skiff::flow_control
