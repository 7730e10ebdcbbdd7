// Seats by what a request is about to do.
#include "apiserver/flow_control/work_estimate.h"

#include <gtest/gtest.h>

#include <string>

namespace skiff::flow_control {
namespace {

struct Wanted {
  std::string method = "GET";
  std::string path = "/api/v1/pods";
  std::string query = {};
  int64_t objects = 0;
  int64_t watchers = 0;
  int seats_max = 10;
};

Work WorkOf(const Wanted& asked) {
  http::Request request;
  request.method = asked.method;
  request.path = asked.path;
  request.target = asked.path + "?" + asked.query;
  request.query = http::ParseQuery(asked.query);
  const KindFacts facts{[&] { return asked.objects; }, [&] { return asked.watchers; }};
  return EstimateWork(ParseRequestInfo(request), request, facts, asked.seats_max);
}

int SeatsOf(const Wanted& asked) {
  return WorkOf(asked).initial_seats;
}

TEST(WorkEstimateTest, AListTakesASeatForAHundredObjects) {
  EXPECT_EQ(SeatsOf({.objects = 0}), 1);
  EXPECT_EQ(SeatsOf({.objects = 100}), 1);
  EXPECT_EQ(SeatsOf({.objects = 101}), 2);
  EXPECT_EQ(SeatsOf({.objects = 950}), 10);
  EXPECT_EQ(SeatsOf({.objects = 100'000}), 10);
  EXPECT_EQ(SeatsOf({.objects = 100'000, .seats_max = 3}), 3);
  EXPECT_EQ(SeatsOf({.objects = 100'000, .seats_max = 99}), 10);
  EXPECT_EQ(SeatsOf({.objects = -1}), 10) << "nobody knows how many";
}

TEST(WorkEstimateTest, APageTakesWhatIsReadForIt) {
  EXPECT_EQ(SeatsOf({.query = "limit=50", .objects = 10'000}), 1);
  EXPECT_EQ(SeatsOf({.query = "limit=200", .objects = 10'000}), 4);
  EXPECT_EQ(SeatsOf({.query = "limit=500", .objects = 100}), 2);
  EXPECT_EQ(SeatsOf({.query = "limit=1&labelSelector=a%3Db", .objects = 300}), 4);
  EXPECT_EQ(SeatsOf({.query = "limit=50&resourceVersion=0", .objects = 400}), 4);
  EXPECT_EQ(SeatsOf({.query = "limit=nonsense", .objects = 400}), 4);
}

TEST(WorkEstimateTest, OneObjectIsOneSeatHoweverItIsAskedFor) {
  EXPECT_EQ(SeatsOf({.path = "/api/v1/namespaces/a/pods/p", .objects = 10'000}), 1);
  EXPECT_EQ(SeatsOf({.path = "/api/v1/pods", .query = "fieldSelector=metadata.name%3Dp",
                     .objects = 10'000}),
            1);
}

TEST(WorkEstimateTest, AWatchIsWorkIfItBeginsWithAList) {
  EXPECT_EQ(SeatsOf({.query = "watch=1", .objects = 10'000}), 1);
  EXPECT_EQ(SeatsOf({.query = "watch=1&sendInitialEvents=true", .objects = 450}), 5);
  EXPECT_EQ(SeatsOf({.query = "watch=1&sendInitialEvents=false", .objects = 450}), 1);
}

TEST(WorkEstimateTest, AWriteGoesOnAsLongAsItsWatchersAreTold) {
  EXPECT_EQ(WorkOf({.method = "POST", .watchers = 9}).final_seats, 0);
  const Work some = WorkOf({.method = "POST", .watchers = 25});
  EXPECT_EQ(some.final_seats, 3);
  EXPECT_EQ(some.after, 5ms);
  EXPECT_EQ(some.seats(), 3);
  const Work many = WorkOf({.method = "POST", .watchers = 1000});
  EXPECT_EQ(many.final_seats, 10);
  EXPECT_EQ(many.after, 50ms) << "as much work in fewer seats";
  const Wanted token{.method = "POST",
                    .path = "/api/v1/namespaces/a/serviceaccounts/s/token",
                    .watchers = 1000};
  EXPECT_EQ(WorkOf(token).final_seats, 0);
}

TEST(WorkEstimateTest, OtherRequestsTakeASeat) {
  EXPECT_EQ(SeatsOf({.path = "/version", .objects = 10'000}), 1);
  EXPECT_EQ(SeatsOf({.method = "DELETE", .path = "/api/v1/namespaces/a/pods", .objects = 1000}), 1);
}

}  // namespace
}  // namespace skiff::flow_control
