// Who is believed when a request shows several credentials, or bad ones: in kube-apiserver's order.
#include <gtest/gtest.h>

#include "apiserver/auth/authentication.h"
#include "base/certificates.h"
#include "base/hash.h"

namespace skiff {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  Authentication Make(bool anonymous = true) {
    Authentication::Options options{.tokens = *TokenFile::Parse("good,bob,u-bob\n"),
                                    .anonymous = anonymous,
                                    .clock = &clock_,
                                    .client_ca_pem = users_.pem().certificate_pem};
    if (has_proxy_) {
      options.front_proxy = {.client_ca_pem = proxies_.pem().certificate_pem,
                             .allowed_names = {"front"},
                             .username_headers = {"X-Remote-User"},
                             .uid_headers = {"X-Remote-Uid"},
                             .group_headers = {"X-Remote-Group"},
                             .extra_header_prefixes = {"X-Remote-Extra-"}};
    }
    return Authentication(std::move(options));
  }
  // A request over a connection whose client showed this certificate.
  http::Request With(const CertificateAuthority& authority, const CertificateOrder& order) {
    auto peer = std::make_shared<http::PeerCertificate>();
    CertificateOrder of_client = order;
    of_client.client = true;
    peer->pem = authority.Issue(of_client, clock_.Now())->certificate_pem;
    http::Request request;
    request.path = "/api";
    request.peer_certificate = std::move(peer);
    return request;
  }
  static http::Request WithBadCertificate() {
    http::Request request;
    request.path = "/api";
    request.peer_certificate_error = "certificate has expired";
    return request;
  }
  std::string Who(const Authentication& authentication, const http::Request& request) {
    std::vector<std::string> warnings;
    const auto user = authentication.Authenticate(request, warnings);
    if (!user) return user.error().message;
    std::string text = user->name;
    for (const std::string& group : user->groups) text += " " + group;
    return text;
  }
  std::string Who(const http::Request& request) { return Who(Make(), request); }

  FakeClock clock_;
  const CertificateAuthority users_ = *CertificateAuthority::Create("users", clock_.Now());
  const CertificateAuthority proxies_ = *CertificateAuthority::Create("proxies", clock_.Now());
  bool has_proxy_ = false;
};

TEST_F(CredentialsTest, ACertificateNamesUserAndGroups) {
  EXPECT_EQ(Who(With(users_, {.common_name = "alice", .organizations = {"dev", "ops"}})),
            "alice dev ops system:authenticated");
}

TEST_F(CredentialsTest, NobodyIsTheServerByAProxyOfANodeThatLeadsBackToIt) {
  http::Request request = With(users_, {.common_name = "kube-apiserver-kubelet-client",
                                        .organizations = {"system:masters"}});
  EXPECT_EQ(Who(request), "kube-apiserver-kubelet-client system:masters system:authenticated");
  request.headers.emplace("X-Forwarded-Uri", "/api/v1/nodes/n/proxy/api/v1/secrets");
  EXPECT_EQ(Who(request),
            "this node leads back to the API server, which nobody is by way of a proxy of its");
  http::Request other = With(users_, {.common_name = "alice"});
  other.headers.emplace("X-Forwarded-Uri", "/k8s/api");
  EXPECT_EQ(Who(other), "alice system:authenticated") << "behind a proxy of somebody's own";
}

TEST_F(CredentialsTest, TheFirstGoodCredentialDecides) {
  http::Request both = With(users_, {.common_name = "alice"});
  both.headers.emplace("Authorization", "Bearer good");
  EXPECT_EQ(Who(both), "alice system:authenticated");
  http::Request bad_token = With(users_, {.common_name = "alice"});
  bad_token.headers.emplace("Authorization", "Bearer wrong");
  EXPECT_EQ(Who(bad_token), "alice system:authenticated");
  http::Request bad_certificate = WithBadCertificate();
  bad_certificate.headers.emplace("Authorization", "Bearer good");
  EXPECT_EQ(Who(bad_certificate), "bob system:authenticated");
}

TEST_F(CredentialsTest, WhoHasShownBadCredentialsIsNobody) {
  EXPECT_EQ(Who(WithBadCertificate()), "Unauthorized");
  http::Request wrong;
  wrong.path = "/api";
  wrong.headers.emplace("Authorization", "Bearer wrong");
  EXPECT_EQ(Who(wrong), "Unauthorized");
  EXPECT_EQ(Who(http::Request{}), "system:anonymous system:unauthenticated");
  EXPECT_EQ(Who(Make(/*anonymous=*/false), http::Request{}), "Unauthorized");
}

TEST_F(CredentialsTest, ACertificateWithoutCommonNameNamesNobodyButIsNotBad) {
  http::Request request = With(users_, {.organizations = {"system:masters"}});
  EXPECT_EQ(Who(request), "system:anonymous system:unauthenticated");
  request.headers.emplace("Authorization", "Bearer good");
  EXPECT_EQ(Who(request), "bob system:authenticated");
}

TEST_F(CredentialsTest, ACertificateThatEndsIsNotGoodOnAConnectionThatGoesOn) {
  const http::Request request = With(users_, {.common_name = "alice", .lifetime = 1h});
  const Authentication authentication = Make();
  EXPECT_EQ(Who(authentication, request), "alice system:authenticated");
  clock_.Advance(2h);
  EXPECT_EQ(Who(authentication, request), "Unauthorized");
}

TEST_F(CredentialsTest, AFrontProxyNamesUsersInHeaders) {
  has_proxy_ = true;
  http::Request request = With(proxies_, {.common_name = "front"});
  request.headers.emplace("X-Remote-User", "carol");
  request.headers.emplace("X-Remote-Uid", "u-carol");
  request.headers.emplace("X-Remote-Group", "dev");
  request.headers.emplace("X-Remote-Group", "ops");
  request.headers.emplace("X-Remote-Extra-Acme.com%2FProject", "one");
  request.headers.emplace("X-Remote-Extra-%41b", "two");
  request.headers.emplace("X-Remote-Extra-a%2Fb%Z", "three");
  EXPECT_EQ(Who(request), "carol dev ops system:authenticated");
  std::vector<std::string> warnings;
  const auto user = Make().Authenticate(request, warnings);
  EXPECT_EQ(user->uid, "u-carol");
  EXPECT_EQ(user->extra.at("acme.com/project"), std::vector<std::string>{"one"});
  EXPECT_EQ(user->extra.at("Ab"), std::vector<std::string>{"two"});
  EXPECT_EQ(user->extra.at("a%2fb%z"), std::vector<std::string>{"three"});
}

// The group of all whom something is known of would be more than nobody has.
TEST_F(CredentialsTest, WhoeverIsCalledAnonymousIsNotAuthenticated) {
  has_proxy_ = true;
  http::Request request = With(proxies_, {.common_name = "front"});
  request.headers.emplace("X-Remote-User", "system:anonymous");
  EXPECT_EQ(Who(request), "system:anonymous");
  EXPECT_EQ(Who(With(users_, {.common_name = "system:anonymous", .organizations = {"dev"}})),
            "system:anonymous dev");
}

TEST_F(CredentialsTest, ValuesOfOneExtraKeyComeInTheOrderOfThePrefixes) {
  http::Request request;
  request.headers = {{"X-User", "carol"}, {"X-B-Key", "one"}, {"X-A-Key", "two"}};
  const auto user = UserInHeaders(
      {.username_headers = {"X-User"}, .extra_header_prefixes = {"X-B-", "X-A-"}}, request);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->extra.at("key"), (std::vector<std::string>{"one", "two"}));
}

TEST_F(CredentialsTest, NobodyElseNamesUsersInHeaders) {
  has_proxy_ = true;
  const auto with_headers = [](http::Request request) {
    request.headers.emplace("X-Remote-User", "carol");
    request.headers.emplace("X-Remote-Group", "system:masters");
    return request;
  };
  EXPECT_EQ(Who(with_headers(With(users_, {.common_name = "front"}))),
            "front system:authenticated")
      << "a user's certificate, whatever its name";
  EXPECT_EQ(Who(with_headers(With(proxies_, {.common_name = "back"}))), "Unauthorized")
      << "not a name that is allowed";
  EXPECT_EQ(Who(with_headers(http::Request{.path = "/api"})),
            "system:anonymous system:unauthenticated");
  EXPECT_EQ(Who(With(proxies_, {.common_name = "front", .organizations = {"system:masters"}})),
            "Unauthorized")
      << "the proxy itself is no user";
  has_proxy_ = false;
  EXPECT_EQ(Who(with_headers(With(users_, {.common_name = "front"}))),
            "front system:authenticated");
}

TEST_F(CredentialsTest, ABrowserShowsItsTokenAmongSubprotocols) {
  const auto ask = [&](const std::string& protocols) {
    http::Request request;
    request.path = "/api";
    request.headers.emplace("Upgrade", "websocket");
    request.headers.emplace("Connection", "Upgrade");
    request.headers.emplace("Sec-WebSocket-Protocol", protocols);
    return Who(request);
  };
  const std::string token = "base64url.bearer.authorization.k8s.io." + Base64Url("good");
  EXPECT_EQ(ask(token + ", base64.binary.k8s.io"), "bob system:authenticated");
  EXPECT_EQ(ask("base64.binary.k8s.io"), "system:anonymous system:unauthenticated");
  EXPECT_EQ(ask(token), "Unauthorized") << "none is left to answer with";
  EXPECT_EQ(ask(token + ", " + token + ", x"), "Unauthorized");
  EXPECT_EQ(ask("base64url.bearer.authorization.k8s.io.!, x"), "Unauthorized");
  http::Request plain;
  plain.path = "/api";
  plain.headers.emplace("Sec-WebSocket-Protocol", token + ", x");
  EXPECT_EQ(Who(plain), "system:anonymous system:unauthenticated") << "not a WebSocket";
}

// At its start as long as it is asked for the time less than `looks` times, ten years on after it.
class LeapingClock final : public Clock {
 public:
  explicit LeapingClock(int looks) : looks_(looks) {}
  TimePoint Now() const override {
    return TimePoint(1'700'000'000s) + (looks_-- > 0 ? 0h : 24h * 3650);
  }
  Duration Monotonic() const override { return 0ns; }

 private:
  mutable int looks_;
};

TEST_F(CredentialsTest, ACertificateMayExpireWhileALinkIsMadeOfIt) {
  const http::Request request = With(users_, {.common_name = "alice"});
  int made = 0;
  constexpr int kLooksMax = 10;
  for (int looks = 0; looks <= kLooksMax; ++looks) {
    const LeapingClock clock(looks);
    const Authentication authentication(
        {.clock = &clock, .client_ca_pem = users_.pem().certificate_pem});
    const auto link = authentication.CredentialOf(request);
    if (link) {
      EXPECT_EQ(link->user, "alice");
      EXPECT_GT(link->until, TimePoint(1'700'000'000s));
      ++made;
    }
  }
  EXPECT_GT(made, 0);
  EXPECT_LT(made, kLooksMax) << "the certificate has to expire for some";
}

TEST_F(CredentialsTest, ALinkEndsWithTheChainOfItsCertificate) {
  has_proxy_ = true;
  CertificateOrder order{.common_name = "alice"};
  order.lifetime = 2 * kAuthorityLifetime;
  const auto link = Make().CredentialOf(With(users_, order));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->until, ValidityOf(users_.pem().certificate_pem)->not_after);
  order.lifetime = 1h;
  const auto soon = With(users_, order);
  EXPECT_EQ(Make().CredentialOf(soon)->until, ValidityOf(soon.peer_certificate->pem)->not_after);
}

class EverybodyMay final : public Authorizer {
 public:
  Verdict Authorize(const User&, const Access&) override {
    return {.decision = Verdict::Decision::kAllow, .reason = ""};
  }
};

TEST(ImpersonationHeaders, OfTwoUsersTheFirstCountsAndAnEmptyOneIsNone) {
  const auto who = [](http::Headers headers) {
    EverybodyMay authorizer;
    http::Request request;
    request.headers = std::move(headers);
    const auto user = Impersonate(request, {.name = "self"}, authorizer);
    return user ? user->name + user->uid : user.error().message;
  };
  EXPECT_EQ(who({{"Impersonate-User", "a"}, {"impersonate-user", "b"}}), "a");
  EXPECT_EQ(who({{"Impersonate-User", "a"}, {"Impersonate-Uid", "1"}, {"impersonate-uid", "2"}}),
            "a1");
  EXPECT_EQ(who({{"Impersonate-User", ""}}), "self");
  EXPECT_EQ(who({{"Impersonate-Uid", ""}}), "self");
  EXPECT_EQ(who({{"Impersonate-User", ""}, {"Impersonate-Uid", "u"}}),
            "requested [{UID  u  authentication.k8s.io/v1  }] without impersonating a user");
}

// The right to be an account is no right to be a user of whatever name.
TEST(ImpersonationHeaders, OnlyWhatMayBeAnAccountIsAskedForAsOne) {
  const auto asked = [](std::string name) {
    class Noting final : public Authorizer {
     public:
      Verdict Authorize(const User&, const Access& access) override {
        resource = access.resource;
        return {.decision = Verdict::Decision::kAllow, .reason = ""};
      }
      std::string resource;
    };
    Noting authorizer;
    http::Request request;
    request.headers.emplace("Impersonate-User", std::move(name));
    EXPECT_TRUE(Impersonate(request, {.name = "self"}, authorizer));
    return authorizer.resource;
  };
  EXPECT_EQ(asked("system:serviceaccount:a:b.c"), "serviceaccounts");
  EXPECT_EQ(asked("system:serviceaccount:a.b:c"), "users");
  EXPECT_EQ(asked("system:serviceaccount:a:B"), "users");
  EXPECT_EQ(asked("system:serviceaccount:a:"), "users");
}

}  // namespace
}  // namespace skiff
