#include "apiserver/watches/watch_state.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

class WatchStateTest : public testing::Test {
 protected:
  WatchStateTest() {
    for (int i = 0; i < 1000; ++i) {
      const auto written = store_->Apply(
          {.key = fmt::format("/pods/{:04}", i), .value = i % 10 == 0 ? "mine" : "other"});
      CHECK(written.has_value());
    }
    executor_.Add(loop_);
  }
  ~WatchStateTest() override { executor_.Remove(loop_); }
  static bool IsMine(const Record& record) { return record.value == "mine"; }
  // What can be taken without waiting.
  static size_t TakeAll(WatchState& state) {
    size_t taken = 0;
    for (;;) {
      const auto record = state.Take();
      EXPECT_TRUE(record);
      if (!record || !*record) return taken;
      ++taken;
    }
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_ =
      *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  SteppedExecutor executor_{clock_, 7};
  WatchJobLoop loop_;
  const WatchJobs jobs_{&loop_, "me"};
};

TEST_F(WatchStateTest, IsReadPageByPageAndAside) {
  const auto state = std::make_shared<WatchState>(*store_, jobs_, ListRequest{.prefix = "/pods/"});
  int wakes = 0;
  state->OnMore([&] { ++wakes; });
  EXPECT_EQ(state->Begin().value(), store_->Current());
  const size_t first = TakeAll(*state);
  EXPECT_EQ(first, 256u);
  EXPECT_FALSE(state->is_done());
  EXPECT_EQ(wakes, 0);
  ASSERT_TRUE(store_->Apply({.key = "/pods/zzzz", .value = "later"}));
  ASSERT_TRUE(store_->Apply({.key = "/pods/0999"}));
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(wakes, 1);
  size_t total = first;
  while (!state->is_done()) {
    total += TakeAll(*state);
    ASSERT_TRUE(executor_.RunUntilIdle());
  }
  EXPECT_EQ(total, 1000u) << "as it was at the first page, whatever happens meanwhile";
}

TEST_F(WatchStateTest, HoldsNoMoreThanAPageOfLargeObjectsWhateverCameBefore) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(store_->Apply(
        {.key = fmt::format("/large/{:04}", i), .value = std::string(i < 20 ? 1 : 400'000, 'x')}));
  }
  const auto state = std::make_shared<WatchState>(*store_, jobs_, ListRequest{.prefix = "/large/"});
  ASSERT_TRUE(state->Begin());
  EXPECT_EQ(TakeAll(*state), 22u) << "two of the large ones make a page";
  size_t total = 22;
  while (!state->is_done()) {
    ASSERT_TRUE(executor_.RunUntilIdle());
    const size_t taken = TakeAll(*state);
    EXPECT_LE(taken, 2u);
    total += taken;
  }
  EXPECT_EQ(total, 40u);
}

TEST_F(WatchStateTest, HoldsWhatTheClientSelectsAndNothingElse) {
  const auto state = std::make_shared<WatchState>(
      *store_, jobs_, ListRequest{.prefix = "/pods/", .filter = IsMine});
  ASSERT_TRUE(state->Begin());
  EXPECT_EQ(TakeAll(*state), 100u);
  EXPECT_TRUE(state->is_done());
  EXPECT_FALSE(executor_.RunOne() && executor_.RunOne()) << "there was no second page to read";
}

TEST_F(WatchStateTest, LooksOnlyAtWhatTheTermsFind) {
  for (int i = 0; i < 500; ++i) {
    const auto app = std::to_string(i % 100);
    const std::vector<NamedText> labels = {{"app", app}};
    const ObjectBody body{"{}"};
    auto object = EncodeObject({.labels = labels, .fields = {}, .uid = "", .body = body});
    ASSERT_TRUE(store_->Apply({.key = fmt::format("/maps/{:04}", i), .value = object.value}));
  }
  int looked = 0;
  const auto state = std::make_shared<WatchState>(
      *store_, jobs_,
      ListRequest{.prefix = "/maps/",
                  .filter = [&](const Record&) { return ++looked > 0; },
                  .terms = {.resource = "/maps/", .groups = {{LabelIndexTerm("app", "7")}}}});
  ASSERT_TRUE(state->Begin());
  EXPECT_EQ(TakeAll(*state), 5u);
  EXPECT_TRUE(state->is_done());
  EXPECT_EQ(looked, 5);
}

TEST_F(WatchStateTest, SaysSoWhenItTookTooLong) {
  const auto state = std::make_shared<WatchState>(*store_, jobs_, ListRequest{.prefix = "/pods/"});
  ASSERT_TRUE(state->Begin());
  TakeAll(*state);
  ASSERT_TRUE(store_->Apply({.key = "/pods/0999", .value = "new"}));
  ASSERT_TRUE(store_->Compact(store_->Current()));
  executor_.RunUntilIdle();
  EXPECT_EQ(state->Take().error().reason, Reason::kExpired);
}

TEST_F(WatchStateTest, IsLetGoOfWhenTheClientLeaves) {
  auto state = std::make_shared<WatchState>(*store_, jobs_, ListRequest{.prefix = "/pods/"});
  ASSERT_TRUE(state->Begin());
  TakeAll(*state);
  state.reset();
  EXPECT_TRUE(executor_.RunUntilIdle());
}

class WatchPagesTest : public ServerFixture {};

TEST_F(WatchPagesTest, AWatchShowsAStateOfManyPagesAndThenItsEvents) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(Post(path, fmt::format(R"({{"metadata": {{"name": "m{}"}}}})", i)).code, 201);
  }
  int wakes = 0;
  auto watch = Get(path + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                          "&allowWatchBookmarks=true");
  watch.response.stream->Attach([&] { ++wakes; });
  EXPECT_EQ(Events(watch.response).size(), 256u);
  Post(path, R"({"metadata": {"name": "later"}})");
  Settle();
  EXPECT_GT(wakes, 0);
  const auto rest = Events(watch.response);
  // The config map of each namespace's authorities is nobody's here.
  ASSERT_EQ(rest.size(), 300u - 256u + 2u);
  EXPECT_EQ(rest[44]["type"], "BOOKMARK");
  EXPECT_EQ(rest[45]["object"]["metadata"]["name"], "later");
}

TEST_F(WatchPagesTest, ATimeoutTooLongForAClockIsALongOne) {
  auto watch = Get("/api/v1/namespaces?watch=1&timeoutSeconds=18446744074");
  watch.response.stream->Attach([] {});
  EXPECT_GT(Events(watch.response).size(), 0u);
  clock_.Advance(24h);
  std::vector<http::SharedBytes> out;
  EXPECT_EQ(watch.response.stream->Pull(1 << 20, out), http::Pulled::kIdle);
}

// A watch without a timeout, of a server whose --min-request-timeout is that.
class WatchTimeTest : public ServerFixture, public testing::WithParamInterface<Duration> {
 protected:
  WatchTimeTest() : ServerFixture(OnRequest{.watch_time_min = GetParam()}) {
    auto watch = Get("/api/v1/namespaces?watch=1");
    stream_ = std::move(watch.response.stream);
    stream_->Attach([] {});
  }
  bool EndsAfter(Duration time) {
    clock_.Advance(time);
    std::vector<http::SharedBytes> out;
    return stream_->Pull(1 << 20, out) == http::Pulled::kEnd;
  }
  std::unique_ptr<http::StreamSource> stream_;
};
using FlaggedWatchTest = WatchTimeTest;
using EndlessWatchTest = WatchTimeTest;
INSTANTIATE_TEST_SUITE_P(Flagged, FlaggedWatchTest, testing::Values(10s, kWatchTimeMin));
INSTANTIATE_TEST_SUITE_P(Endless, EndlessWatchTest, testing::Values(0s));

TEST_P(FlaggedWatchTest, EndsBetweenTheLeastAndTwiceThat) {
  EXPECT_FALSE(EndsAfter(GetParam() - 1s));
  EXPECT_TRUE(EndsAfter(GetParam() + 1s));
}

TEST_P(EndlessWatchTest, GoesOn) {
  EXPECT_FALSE(EndsAfter(365 * 24h));
}

}  // namespace
}  // namespace skiff
