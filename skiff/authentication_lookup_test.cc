#include "skiff/authentication_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/transport.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AuthenticationLookupTest : public testing::Test {
 protected:
  Result<> LookUp() { return LookUpAuthentication(client_, flags_); }

  struct {
    int status = 200;
    std::string body;
  } answer_;
  std::vector<std::string> asked_;
  InProcessTransport transport_{[this](const http::Request& request) {
    asked_.push_back(request.path);
    http::Response response;
    response.status = answer_.status;
    response.body = answer_.body;
    return response;
  }};
  Client client_{transport_, "test"};
  ServingFlags flags_{.authentication_kubeconfig = "/etc/kubernetes/cm.conf"};

  void Hold(const Json& data) {
    answer_.status = 200;
    answer_.body = Json{{"data", data}}.dump();
  }
};

const Json kAuthenticationData = {{"client-ca-file", "users"},
                                  {"requestheader-client-ca-file", "proxies"},
                                  {"requestheader-allowed-names", R"(["front-proxy-client"])"},
                                  {"requestheader-username-headers", R"(["X-Remote-User"])"},
                                  {"requestheader-group-headers", "[]"}};

TEST_F(AuthenticationLookupTest, TakesWhatTheClusterSays) {
  Hold(kAuthenticationData);
  ASSERT_TRUE(LookUp());
  EXPECT_THAT(asked_, ElementsAre("/api/v1/namespaces/kube-system/configmaps/"
                                  "extension-apiserver-authentication"));
  EXPECT_EQ(flags_.client_ca_pem, "users");
  EXPECT_EQ(flags_.front_proxy_ca_pem, "proxies");
  EXPECT_THAT(flags_.front_proxy.allowed_names, ElementsAre("front-proxy-client"));
  EXPECT_THAT(flags_.front_proxy.username_headers, ElementsAre("X-Remote-User"));
  EXPECT_THAT(flags_.front_proxy.group_headers, IsEmpty());
}

TEST_F(AuthenticationLookupTest, WhatFlagsSayHolds) {
  Hold(kAuthenticationData);
  flags_.client_ca_file = "/users.crt";
  ASSERT_TRUE(LookUp());
  EXPECT_EQ(flags_.client_ca_pem, "");
  EXPECT_EQ(flags_.front_proxy_ca_pem, "proxies");
  flags_.requestheader_client_ca_file = "/proxies.crt";
  asked_.clear();
  ASSERT_TRUE(LookUp());
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(AuthenticationLookupTest, NobodyIsAskedWhereItIsNotWanted) {
  flags_.skips_lookup = true;
  EXPECT_TRUE(LookUp());
  flags_.skips_lookup = false;
  flags_.authentication_kubeconfig.clear();
  EXPECT_TRUE(LookUp());
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(AuthenticationLookupTest, AMapThatIsNotThereSaysNothing) {
  answer_.status = 404;
  answer_.body = R"({"kind": "Status", "reason": "NotFound", "code": 404})";
  EXPECT_TRUE(LookUp());
  EXPECT_EQ(flags_.client_ca_pem, "");
}

TEST_F(AuthenticationLookupTest, OneThatCannotBeReadEndsTheStartUnlessThatIsTolerated) {
  answer_.status = 403;
  answer_.body = R"({"kind": "Status", "reason": "Forbidden", "code": 403, "message": "no"})";
  EXPECT_EQ(LookUp().error().message,
            "unable to load configmap based request-header-client-ca-file: no");
  flags_.tolerates_lookup_failure = true;
  EXPECT_TRUE(LookUp());
  flags_.tolerates_lookup_failure = false;
  Hold({{"requestheader-allowed-names", "front-proxy-client"}});
  EXPECT_THAT(LookUp().error().message, HasSubstr("is no list of texts"));
}

}  // namespace
}  // namespace skiff
