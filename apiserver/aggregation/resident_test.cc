// A version that a part of this process answers for: shown, authorized and asked like any other,
// until an APIService says that somebody else has it.
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr const char* kOwn = "/apis/weather.example.com/v1";
constexpr const char* kServices = "/apis/apiregistration.k8s.io/v1/apiservices";

constexpr const char* kResources = R"({"kind": "APIResourceList", "groupVersion":
    "weather.example.com/v1", "resources": [{"name": "winds", "singularName": "", "kind": "Wind",
    "namespaced": true, "verbs": ["get", "list"]}]})";

class ResidentTest : public ServerFixture {
 protected:
  ResidentTest() {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    ApiServerOptions options{.authorization_modes = {"Node", "RBAC"},
                             .token_file_text = kTokens,
                             .advertise_address = "192.0.2.7"};
    options.resident = Resident{.group = "weather.example.com",
                                .version = "v1",
                                .answer = [this](const http::Request& request) {
                                  return Says(request);
                                }};
    server_ = *ApiServer::Create(std::move(options), {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  Result<http::Response> Says(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    response.body = request.path == kOwn ? kResources : Json{{"path", request.path}}.dump();
    if (request.path.ends_with("/none")) return Fail(Reason::kNotFound, "no such wind");
    return response;
  }
};

TEST_F(ResidentTest, ItsVersionIsShownLikeAnyOther) {
  const auto group = Get("/apis/weather.example.com");
  ASSERT_EQ(group.code, 200);
  EXPECT_EQ(group.body["preferredVersion"]["groupVersion"], "weather.example.com/v1");
  EXPECT_EQ(Get(kOwn).body["resources"][0]["kind"], "Wind");
  const auto list = Ask({.path = "/apis",
                         .accept = "application/json;g=apidiscovery.k8s.io;v=v2;"
                                   "as=APIGroupDiscoveryList"});
  const Json& last = list.body["items"].back();
  EXPECT_EQ(last["metadata"]["name"], "weather.example.com");
  EXPECT_EQ(last["versions"][0]["freshness"], "Current");
  EXPECT_EQ(last["versions"][0]["resources"][0]["resource"], "winds");
  const std::string document = "apis/weather.example.com/v1";
  EXPECT_TRUE(Get("/openapi/v3").body["paths"].contains(document));
  EXPECT_EQ(Get("/openapi/v3/" + document).body["path"], "/openapi/v3/" + document);
}

// What it tells of may be long, and others who ask it may be in the way.
TEST_F(ResidentTest, ItIsAskedByWorkers) {
  http::Request request;
  request.method = "GET";
  request.path = request.target = std::string(kOwn) + "/namespaces/default/winds/north";
  request.headers.emplace("Authorization", "Bearer admin");
  EXPECT_EQ(Get(request.path).code, 200);  // All else is at hand by now.
  const auto tried = server_->TryHandle(request);
  EXPECT_FALSE(tried.response);
  ASSERT_TRUE(tried.rest);
  EXPECT_EQ(tried.rest(request, nullptr)->status, 200);
}

TEST_F(ResidentTest, ItIsAskedByWhoeverMay) {
  const std::string winds = std::string(kOwn) + "/namespaces/default/winds";
  EXPECT_EQ(Get(winds).body["path"], winds);
  const auto none = Get(winds + "/none");
  EXPECT_EQ(none.code, 404);
  EXPECT_EQ(none.message(), "no such wind");
  const auto refused = Ask("GET", winds, "", "", "alice");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "winds.weather.example.com is forbidden: User \"alice\" cannot list resource "
            "\"winds\" in API group \"weather.example.com\" in the namespace \"default\"");
  EXPECT_EQ(Get("/apis/weather.example.com/v12/winds").code, 404) << "another version";
}

TEST_F(ResidentTest, WhoeverIsInstalledForItTakesItOver) {
  ASSERT_EQ(Post(kServices, R"({"metadata": {"name": "v1.weather.example.com"}, "spec": {
      "group": "weather.example.com", "version": "v1", "groupPriorityMinimum": 100,
      "versionPriority": 100, "insecureSkipTLSVerify": true,
      "service": {"name": "weather", "namespace": "default"}}})").code, 201);
  Settle();
  EXPECT_EQ(Get(std::string(kOwn) + "/winds").code, 503);
  EXPECT_FALSE(Get("/openapi/v3").body["paths"].contains("apis/weather.example.com/v1"));
  ASSERT_EQ(Ask("DELETE", std::string(kServices) + "/v1.weather.example.com").code, 200);
  EXPECT_EQ(Get(std::string(kOwn) + "/winds").code, 200);
}

}  // namespace
}  // namespace skiff
