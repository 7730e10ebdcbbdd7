#include "proxy/ingress/unserved_ingresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/id.h"
#include "base/log.h"
#include "client/transport.h"
#include "proxy/objects_from_yaml.h"

namespace skiff::ingress {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class UnservedIngressesTest : public testing::Test {
 protected:
  static constexpr char kAddress[] = "192.0.2.1";

  void AddIngress(const std::string& name, const std::string& spec, const std::string& status) {
    networking_v1::Ingress ingress = *FromYaml<networking_v1::Ingress>(
        "metadata: {name: " + name + ", uid: " + name + "-uid}\nspec: " + spec +
        "\nstatus: {loadBalancer: {ingress: " + status + "}}\n");
    ingresses_.push_back(std::move(ingress));
  }
  // A step with what is there now; of its writes one a line: "PATCH /apis/...".
  std::string Step(UnservedIngresses& loop) {
    written_.clear();
    Put(ingresses_);
    Put(std::vector<networking_v1::IngressClass>{
        *FromYaml<networking_v1::IngressClass>("metadata: {name: skiff}\n"
                                               "spec: {controller: skiff.io/ingress}\n"),
        *FromYaml<networking_v1::IngressClass>("metadata: {name: other}\n"
                                               "spec: {controller: example.com/other}\n")});
    next_ = loop.Step();
    events_.Step();
    return written_;
  }

  std::vector<networking_v1::Ingress> ingresses_;
  int refused_ = 0;  // So many writes are, with this:
  int refusal_ = 500;
  Duration next_{};
  FakeClock clock_;
  SystemRandom random_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "test"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  EventSink events_{client_, clock_};
  EventRecorder recorder_{events_, clock_, "ingress", ""};
  const IngressLoop::Dependencies dependencies_{informers_, client_, recorder_, clock_};

 private:
  template <Kind K>
  void Put(const std::vector<K>& objects) {
    std::vector<RawJson> items;
    for (const K& object : objects) {
      Json document = ToJson(object);
      document["metadata"]["resourceVersion"] = "7";
      items.push_back(document);
    }
    informers_.For<K>().cache().Replace(std::move(items), "7");
  }
  http::Response Answer(const http::Request& request) {
    if (refused_ > 0) {
      --refused_;
      const Json said = {{"kind", "Status"},
                         {"code", refusal_},
                         {"reason", refusal_ == 409 ? "Conflict" : "InternalError"}};
      return {.status = refusal_, .content_type = "application/json", .body = said.dump()};
    }
    written_ += request.method + " " + std::string(request.path) + " " + request.body + "\n";
    return {.status = 200, .content_type = "application/json", .body = request.body};
  }
  std::string written_;
};

constexpr char kServed[] = "[{ip: 192.0.2.1, ports: [{port: 80, protocol: TCP}]}]";

TEST_F(UnservedIngressesTest, WhatWasServedHereSaysSoNoMore) {
  AddIngress("ours", "{ingressClassName: skiff}", kServed);
  AddIngress("moved", "{ingressClassName: skiff}", "[{ip: 192.0.2.9}]");
  AddIngress("classless", "{}", kServed);
  AddIngress("left", "{ingressClassName: other}", kServed);
  AddIngress("theirs", "{ingressClassName: other}", "[{ip: 192.0.2.1}]");
  AddIngress("elsewhere", "{}", "[{ip: 192.0.2.9, ports: [{port: 80, protocol: TCP}]}]");
  AddIngress("fresh", "{ingressClassName: skiff}", "[]");
  UnservedIngresses loop(dependencies_, kAddress, "");
  const std::string written = Step(loop);
  for (const char* name : {"ours", "moved", "classless", "left"}) {
    EXPECT_THAT(written, HasSubstr(std::string("/ingresses/") + name + "/status {"));
  }
  for (const char* name : {"theirs", "elsewhere", "fresh"}) {
    EXPECT_THAT(written, Not(HasSubstr(std::string("/ingresses/") + name)));
  }
  EXPECT_THAT(written,
              AllOf(HasSubstr(R"("loadBalancer":{"ingress":null})"), Not(HasSubstr("NotServed"))));
  EXPECT_EQ(next_, kNever);
  EXPECT_EQ(Step(loop), "") << "what comes later is another controller's";
}

TEST_F(UnservedIngressesTest, WhatCouldNotBeWrittenIsTriedAgain) {
  AddIngress("ours", "{ingressClassName: skiff}", kServed);
  UnservedIngresses loop(dependencies_, kAddress, "");
  for (const int refusal : {500, 409}) {
    refused_ = 1;
    refusal_ = refusal;
    EXPECT_EQ(Step(loop), "");
    EXPECT_LT(next_, kNever);
    clock_.Advance(next_);
  }
  EXPECT_THAT(Step(loop), HasSubstr("/ingresses/ours/status {"));
  EXPECT_EQ(next_, kNever);
}

TEST_F(UnservedIngressesTest, WhatCannotBeWrittenIsToldOnceAndTriedLessAndLessOften) {
  AddIngress("ours", "{ingressClassName: skiff}", kServed);
  UnservedIngresses loop(dependencies_, kAddress, "");
  refused_ = 1000;
  const int before = Log::ErrorCount();
  for (Duration delay = UnwrittenStatuses::kFirst; delay < UnwrittenStatuses::kMax; delay *= 2) {
    EXPECT_EQ(Step(loop), "");
    EXPECT_EQ(next_, delay);
    clock_.Advance(next_);
  }
  EXPECT_EQ(Log::ErrorCount(), before + 1);
  const int left = refused_;
  Step(loop);
  EXPECT_EQ(refused_, left - 1);
  Step(loop);
  EXPECT_EQ(refused_, left - 1) << "before its time nobody asks";
  ingresses_.clear();
  Step(loop);
  EXPECT_EQ(next_, kNever) << "it is gone";
}

TEST_F(UnservedIngressesTest, OfWhatStandsInTheWayEachIsToldOnce) {
  AddIngress("ours", "{ingressClassName: skiff}", "[]");
  AddIngress("theirs", "{ingressClassName: other}", "[]");
  UnservedIngresses loop(dependencies_, kAddress, "the disk is full");
  EXPECT_THAT(Step(loop), AllOf(HasSubstr("the disk is full"), HasSubstr(R"("NotServed")"),
                                HasSubstr("ours-uid"), Not(HasSubstr("theirs-uid"))));
  EXPECT_EQ(Step(loop), "");
  AddIngress("later", "{}", "[]");
  EXPECT_THAT(Step(loop), AllOf(HasSubstr("later-uid"), Not(HasSubstr("ours-uid"))));
}

}  // namespace
}  // namespace skiff::ingress
