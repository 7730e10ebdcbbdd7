// What a client says of servers that it does not trust, or that are none.
#include "http/tls_faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "http/client.h"
#include "http/socket.h"
#include "http/test_server.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using ::testing::MatchesRegex;

class TlsFaultsTest : public ::testing::Test {
 protected:
  using Subject = testing::TestAuthority::Subject;
  // What comes of a request; "" when it is answered.
  std::string Ask(int port, const std::string& name) {
    Upstream upstream{.host = "127.0.0.1",
                      .port = port,
                      .tls = *MakeClientContext({.ca_pem = trusted_.certificate_pem()}),
                      .server_name = name};
    std::promise<Result<Opened>> answer;
    const auto exchange =
        Open(loops_, std::move(upstream), ClientRequest{.method = "POST", .target = "/"},
             [&](Result<Opened> opened) { answer.set_value(std::move(opened)); });
    const auto opened = answer.get_future().get();
    return opened ? "" : opened.error().message;
  }
  std::string AskServerOf(const testing::CertificateAndKey& leaf,
                          const std::string& name = "localhost",
                          const std::string& client_ca = "") {
    testing::Fixture server(testing::Echo,
                            {.tls = ServerTls{.certificate_pem = leaf.certificate_pem,
                                              .key_pem = leaf.key_pem,
                                              .client_ca_pem = client_ca}});
    return Ask(server.port(), name);
  }
  std::string AskServerOf(const Subject& subject, const std::string& name = "localhost") {
    return AskServerOf(trusted_.Issue(subject), name);
  }
  // Says `text` to whoever connects and sends something, and closes.
  std::string AskOneThatSays(const std::string& text, bool resets = false) {
    const int listener = *ListenOn({.host = "127.0.0.1"});
    std::jthread server([&] {
      int fd = -1;
      while ((fd = accept(listener, nullptr, nullptr)) < 0) std::this_thread::yield();
      char some[4096];
      (void)!recv(fd, some, sizeof some, 0);
      (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      if (resets) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      close(fd);
    });
    std::string said = Ask(LocalPort(listener), "localhost");
    server.join();
    close(listener);
    return said;
  }

  static constexpr char kVerify[] = "tls: failed to verify certificate: x509: ";
  Loops loops_{1};
  testing::TestAuthority trusted_;
};

TEST_F(TlsFaultsTest, OneThatIsTrustedIsAsked) {
  EXPECT_EQ(AskServerOf(trusted_.IssueServer()), "");
  EXPECT_EQ(AskServerOf(trusted_.IssueServer(), "127.0.0.1"), "");
}

TEST_F(TlsFaultsTest, TimesAreSaid) {
  const std::string fault =
      std::string(kVerify) + "certificate has expired or is not yet valid: current time ";
  const std::string time = "2[0-9-]+T[0-9:]+Z";
  EXPECT_THAT(
      AskServerOf({.common_name = "s", .alternative_names = "DNS:localhost", .ends_s = -60}),
      MatchesRegex(fault + time + " is after " + time));
  EXPECT_THAT(
      AskServerOf({.common_name = "s", .alternative_names = "DNS:localhost", .begins_s = 600}),
      MatchesRegex(fault + time + " is before " + time));
  EXPECT_THAT(AskServerOf({.common_name = "s", .alternative_names = "DNS:other", .ends_s = -60}),
              MatchesRegex(fault + time + " is after " + time))
      << "before the names";
}

TEST_F(TlsFaultsTest, NamesAreSaid) {
  const auto fault = [&](const std::string& names, const std::string& wanted) {
    return AskServerOf({.common_name = "s", .alternative_names = names}, wanted);
  };
  const std::string verify = kVerify;
  EXPECT_EQ(fault("DNS:a.example,DNS:b.example", "localhost"),
            verify + "certificate is valid for a.example, b.example, not localhost");
  EXPECT_EQ(fault("DNS:a.example", "127.0.0.1"),
            verify +
                "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP "
                "SANs");
  EXPECT_EQ(fault("IP:10.0.0.1,IP:2001:db8::1", "127.0.0.1"),
            verify + "certificate is valid for 10.0.0.1, 2001:db8::1, not 127.0.0.1");
  EXPECT_EQ(fault("IP:10.0.0.1", "localhost"),
            verify + "certificate is not valid for any names, but wanted to match localhost");
  std::string many = "DNS:h0.example";
  for (int i = 1; i < 100; ++i) many += ",DNS:h" + std::to_string(i) + ".example";
  EXPECT_EQ(fault(many, "localhost"),
            verify + "certificate is valid for 100 names, but none matched localhost");
}

TEST_F(TlsFaultsTest, ACommonNameIsNone) {
  const std::string verify = kVerify;
  EXPECT_EQ(AskServerOf({.common_name = "localhost"}),
            verify + "certificate relies on legacy Common Name field, use SANs instead");
  EXPECT_EQ(AskServerOf({.common_name = "s"}),
            verify + "certificate is not valid for any names, but wanted to match localhost");
}

TEST_F(TlsFaultsTest, WhoSignedItIsSaid) {
  const std::string unknown = std::string(kVerify) + "certificate signed by unknown authority";
  EXPECT_EQ(AskServerOf(testing::TestAuthority("other").IssueServer()), unknown);
  EXPECT_EQ(AskServerOf(testing::TestAuthority().IssueServer()),
            unknown +
                " (possibly because of \"x509: ECDSA verification failure\" while trying to "
                "verify candidate authority certificate \"test-ca\")")
      << "another one of that name";
}

TEST_F(TlsFaultsTest, WhoMayNotSignOthersIsSaid) {
  const auto fault = [](const std::string& name) {
    return std::string(kVerify) +
           "certificate signed by unknown authority (possibly because of \"x509: invalid "
           "signature: parent certificate cannot sign this kind of certificate\" while trying to "
           "verify candidate authority certificate \"" +
           name + "\")";
  };
  trusted_ = testing::TestAuthority(Subject{.common_name = "web", .organizations = {"team"}});
  EXPECT_EQ(AskServerOf(trusted_.IssueServer()), fault("web"));
  trusted_ = testing::TestAuthority(Subject{.common_name = "", .organizations = {"team"}});
  EXPECT_EQ(AskServerOf(trusted_.IssueServer()), fault("team"));
}

TEST_F(TlsFaultsTest, ACertificateIsForServers) {
  EXPECT_EQ(
      AskServerOf(
          {.common_name = "s", .alternative_names = "DNS:localhost", .key_usage = "clientAuth"}),
      std::string(kVerify) + "certificate specifies an incompatible key usage");
}

TEST_F(TlsFaultsTest, WhatIsNoTlsIsSaid) {
  EXPECT_EQ(AskOneThatSays("HTTP/1.0 400 Bad Request\r\n\r\n"),
            "http: server gave HTTP response to HTTPS client");
  EXPECT_EQ(AskOneThatSays("SSH-2.0-OpenSSH_9.2\r\n"),
            "tls: first record does not look like a TLS handshake");
  EXPECT_EQ(AskOneThatSays(""), "EOF");
  EXPECT_THAT(AskOneThatSays("", /*resets=*/true),
              MatchesRegex("read tcp 127.0.0.1:[0-9]+->127.0.0.1:[0-9]+: read: connection reset by "
                           "peer"));
  EXPECT_EQ(AskOneThatSays(std::string("\x15\3\3\0\2\2\x28", 7)),
            "remote error: tls: handshake failure");
}

}  // namespace
}  // namespace skiff::http
