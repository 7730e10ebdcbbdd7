// Controllers that read what other API servers say: that may be anything, and keeps nobody waiting
// without a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/core_v1.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Namespace;
using testing::Contains;
using testing::HasSubstr;

// A server of these documents, by their paths, which takes all writes.
class ForeignDocumentsTest : public testing::Test {
 protected:
  ~ForeignDocumentsTest() override { manager_.Stop(); }

  http::Response Answer(const http::Request& request) {
    if (request.method == "PATCH") written_.push_back(request.path + " " + request.body);
    if (request.method != "GET") return {.status = 200, .body = "{}"};
    const auto found = documents_.find(request.path);
    if (found == documents_.end()) return {.status = 404, .body = "{}"};
    return {.status = 200, .content_type = "application/json", .body = found->second};
  }
  template <Kind K>
  void Show(Json object) {
    object["metadata"]["uid"] = object["metadata"]["resourceVersion"] = "1";
    informers_.For<K>().cache().Replace({std::move(object)}, "1");
    executor_.RunFor(10s);
  }

  FakeClock clock_{TimePoint(std::chrono::seconds(1'800'000'000))};
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  std::map<std::string, std::string> documents_;
  std::vector<std::string> written_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
};

class ForeignListTest : public ForeignDocumentsTest,
                        public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Items, ForeignListTest,
                         testing::Values(R"({"metadata":5})", R"({"metadata":null})", "7",
                                         R"({"metadata":{"name":"x","finalizers":5}})",
                                         R"({"metadata":{"name":"x","finalizers":[5]}})", "{}"));

TEST_P(ForeignListTest, ANamespaceSaysWhatItCannotBeEmptiedOf) {
  documents_["/api/v1"] = R"({"resources":[]})";
  documents_["/api/v1/namespaces/work/pods"] = R"({"items":[]})";
  documents_["/apis"] = R"({"groups":[{"preferredVersion":{"groupVersion":"evil/v1"}}]})";
  documents_["/apis/evil/v1"] = R"({"resources":[{"name":"traps","kind":"Trap","namespaced":true,
      "verbs":["list","delete","deletecollection"]}]})";
  documents_["/apis/evil/v1/namespaces/work/traps"] =
      R"({"items":[)" + std::string(GetParam()) + "]}";
  AddNamespaceController(manager_);
  manager_.Start(executor_);
  const Json work = {
      {"metadata", {{"name", "work"}, {"uid", "1"}, {"deletionTimestamp", "2027-01-15T07:00:00Z"}}},
      {"spec", {{"finalizers", {"kubernetes"}}}},
      {"status", {{"phase", "Terminating"}}}};
  documents_["/api/v1/namespaces/work"] = work.dump();
  informers_.For<core_v1::Pod>().cache().Replace({}, "1");  // It waits for those.
  Show<Namespace>(work);
  EXPECT_THAT(written_, Contains(testing::AllOf(HasSubstr("/namespaces/work/status"),
                                                HasSubstr("traps"),
                                                HasSubstr("NamespaceDeletionContentFailure"))));
}

TEST_F(ForeignDocumentsTest, APolicyOfParametersThatNobodyKnowsIsLookedAtAllTheSame) {
  documents_["/apis/evil/v1"] = R"({"resources":[5,{"name":{}},{"name":"traps","kind":7}]})";
  AddValidatingAdmissionPolicyStatus(manager_);
  manager_.Start(executor_);
  Show<admissionregistration_v1::ValidatingAdmissionPolicy>(
      {{"metadata", {{"name", "strict"}, {"generation", 1}}},
       {"spec", {{"paramKind", {{"apiVersion", "evil/v1"}, {"kind", "Trap"}}}}}});
  EXPECT_THAT(written_, Contains(HasSubstr("\"observedGeneration\":1")));
}

TEST_F(ForeignDocumentsTest, APolicyOfParametersThatNobodyServesYetIsLookedAtAtOnce) {
  AddValidatingAdmissionPolicyStatus(manager_);
  manager_.Start(executor_);
  Show<admissionregistration_v1::ValidatingAdmissionPolicy>(
      {{"metadata", {{"name", "early"}, {"generation", 1}}},
       {"spec", {{"paramKind", {{"apiVersion", "nobody.io/v1"}, {"kind", "Limit"}}}}}});
  EXPECT_THAT(written_, Contains(HasSubstr("\"observedGeneration\":1")));
}

TEST_F(ForeignDocumentsTest, AWarningNamesAKindWithoutAGroupAsGoDoes) {
  AddValidatingAdmissionPolicyStatus(manager_);
  manager_.Start(executor_);
  Show<admissionregistration_v1::ValidatingAdmissionPolicy>(
      {{"metadata", {{"name", "odd"}, {"generation", 1}}},
       {"spec",
        {{"matchConstraints",
          {{"resourceRules",
            {{{"operations", {"*"}},
              {"apiGroups", {""}},
              {"apiVersions", {"v1"}},
              {"resources", {"configmaps"}}}}}}},
         {"validations", {{{"expression", "object.nosuch == 1"}}}}}}});
  EXPECT_THAT(written_, Contains(HasSubstr("\"warning\":\"/v1, Kind=ConfigMap: ERROR: ")));
}

}  // namespace
}  // namespace skiff
