#include "kubelet/kept_objects.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "client/informer.h"
#include "client/transport.h"
#include "kubelet/api_lookups.h"

namespace skiff::kubelet {
namespace {

class KeptObjectsTest : public testing::Test {
 protected:
  struct Answer {
    int status;
    std::string body;
  };
  static Answer Refusal(int code, const char* reason) {
    return {code, fmt::format(R"({{"kind":"Status","apiVersion":"v1","status":"Failure",)"
                              R"("reason":"{}","message":"no","code":{}}})",
                              reason, code)};
  }
  static Answer Settings(const char* value) {
    return {200, fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":)"
                             R"({{"name":"settings","namespace":"default"}},)"
                             R"("data":{{"A":"{}"}}}})",
                             value)};
  }
  std::string Value() {
    const auto found = objects_.Get<core_v1::ConfigMap>("default", "settings");
    return found ? (*found)->data.at("A") : found.error().message;
  }

  FakeClock clock_;
  std::map<std::string, Answer> answers_;  // By the last part of the path.
  InProcessTransport transport_{[this](const http::Request& request) {
    const auto found = answers_.find(request.path.substr(request.path.rfind('/') + 1));
    const Answer answer = found == answers_.end() ? Answer{503, ""} : found->second;
    http::Response response;
    response.status = answer.status;
    response.content_type = "application/json";
    response.body = answer.body;
    return response;
  }};
  Client client_{transport_, "kubelet"};
  KeptObjects objects_{client_, clock_};
};

TEST_F(KeptObjectsTest, ARefusalOfOneObjectDoesNotKeepTheOthersStale) {
  answers_["settings"] = Settings("old");
  ASSERT_EQ(Value(), "old");
  core_v1::Pod pod;
  pod.metadata.namespace_ = "default";
  pod.spec.service_account_name = "default";
  for (const auto& [code, reason] : std::vector<std::pair<int, const char*>>{
           {403, "Forbidden"}, {422, "Invalid"}, {409, "Conflict"}, {429, "TooManyRequests"}}) {
    answers_["refused"] = answers_["token"] = Refusal(code, reason);
    EXPECT_FALSE(objects_.Get<core_v1::Secret>("default", "refused"));
    answers_["settings"] = Settings(reason);
    EXPECT_EQ(Value(), reason);
    EXPECT_FALSE(objects_.Token(pod, "", 3600));
    answers_["settings"] = Settings("new");
    EXPECT_EQ(Value(), "new");
  }
}

TEST_F(KeptObjectsTest, APullSecretThatIsNamedOftenIsAskedForOnce) {
  answers_["gone"] = Refusal(404, "NotFound");
  core_v1::Pod pod;
  pod.metadata.namespace_ = "default";
  for (int i = 0; i < 3; ++i) pod.spec.image_pull_secrets.emplace_back().name = "gone";
  std::vector<std::string> missing;
  (void)ApiPullCredentials(objects_, pod, missing);
  EXPECT_EQ(missing, std::vector<std::string>{"gone"});
}

TEST_F(KeptObjectsTest, WhoeverIsNotAnsweredGoesOnWithWhatIsKept) {
  answers_["settings"] = Settings("old");
  ASSERT_EQ(Value(), "old");
  for (const char* reason : {"ServiceUnavailable", "Timeout", "InternalError"}) {
    answers_["refused"] = Refusal(500, reason);
    EXPECT_FALSE(objects_.Get<core_v1::Secret>("default", "refused"));
    answers_["settings"] = Settings(reason);
    EXPECT_EQ(Value(), "old");
    clock_.Advance(KeptObjects::kHold);
    EXPECT_EQ(Value(), reason);
    answers_["settings"] = Settings("old");
    EXPECT_EQ(Value(), "old");
  }
}

TEST_F(KeptObjectsTest, WhoseClockIsFarAheadDoesNotAskForATokenEachTime) {
  core_v1::Pod pod;
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = "1";
  pod.spec.service_account_name = "default";
  const auto answer = [&](const char* token) {
    const std::string ends = Time(clock_.Now() - 24h).Rfc3339();
    answers_["token"] = {201, fmt::format(R"({{"kind":"TokenRequest","status":{{"token":"{}",)"
                                          R"("expirationTimestamp":"{}"}}}})",
                                          token, ends)};
  };
  answer("first");
  EXPECT_EQ(objects_.Token(pod, "", 3600), "first");
  answer("second");
  EXPECT_EQ(objects_.Token(pod, "", 3600), "first");
  EXPECT_EQ(objects_.Token(pod, "other", 3600), "second");
  clock_.Advance(KeptObjects::kTokenPause);
  EXPECT_EQ(objects_.Token(pod, "", 3600), "second");
}

TEST_F(KeptObjectsTest, ARuntimeClassIsKeptWhileAPodNamesIt) {
  answers_["sandboxed"] = {200, R"({"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass",)"
                                R"("metadata":{"name":"sandboxed"},"handler":"gvisor"})"};
  const auto handler = [&] {
    const auto found = objects_.Get<node_v1::RuntimeClass>("", "sandboxed");
    return found ? (*found)->handler : "";
  };
  ASSERT_EQ(handler(), "gvisor");
  answers_.clear();
  EXPECT_EQ(handler(), "gvisor");
  auto pod = std::make_shared<core_v1::Pod>();
  pod->spec.runtime_class_name = "sandboxed";
  objects_.Retain({pod});
  EXPECT_EQ(objects_.size(), 1u);
  objects_.Retain({});
  EXPECT_EQ(objects_.size(), 0u);
}

// Of thousands of pods that refer to one ConfigMap only the first ones ask for it.
TEST_F(KeptObjectsTest, WhatTheProcessHasInACacheIsTakenFromThere) {
  SeededRandom random(1);
  InformerFactory informers({client_, clock_, random});
  const auto cached = informers.For<core_v1::ConfigMap>();
  KeptObjects objects(client_, clock_, cached);
  const auto value = [&] {
    const auto found = objects.Get<core_v1::ConfigMap>("default", "settings");
    return found ? (*found)->data.at("A") : found.error().message;
  };
  answers_["settings"] = Settings("asked for");
  EXPECT_EQ(value(), "asked for") << "it is not in the cache yet";
  cached.cache().Replace({RawJson::FromText(Settings("cached").body)}, "1");
  EXPECT_EQ(value(), "cached");
  answers_["settings"] = {503, ""};
  EXPECT_EQ(value(), "cached") << "nobody has to be there";
  cached.cache().Replace({}, "2");
  answers_["settings"] = Refusal(404, "NotFound");
  EXPECT_EQ(value(), "no");
}

}  // namespace
}  // namespace skiff::kubelet
