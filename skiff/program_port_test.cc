// The port of a program within the process of the API server: a real one, over TLS.
#include "skiff/program_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "apiserver/storage/rocksdb_store.h"
#include "base/certificates.h"
#include "http/test_client.h"
#include "skiff/cluster_pki.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class ProgramPortTest : public testing::Test {
 protected:
  ProgramPortTest()
      : env_(NewMemoryDisk()),
        store_(*RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_)),
        server_(*ApiServer::Create(
            {.authorization_modes = {"RBAC"},
             .token_file_text = "guest,guest,u2\nadmin,admin,u3,\"system:masters\"\n"},
            {*store_, clock_, random_})),
        pki_(*MakeClusterPki({.data_dir = directory_}, clock_)) {}
  ~ProgramPortTest() override { std::filesystem::remove_all(directory_); }

  using Ports = Result<std::unique_ptr<ProgramPort>>;
  Ports Scheduler(std::vector<std::string> arguments) {
    return ProgramPort::OfScheduler(arguments, {*server_, pki_, clock_});
  }
  Ports ControllerManager(std::vector<std::string> arguments) {
    return ProgramPort::OfControllerManager(arguments, {*server_, pki_, clock_});
  }
  // On a port that was free a moment ago.
  std::vector<std::string> Served() {
    const int fd = *http::ListenOn({.host = "127.0.0.1"});
    const int port = http::LocalPort(fd);
    close(fd);
    return {"secure-port=" + std::to_string(port), "bind-address=127.0.0.1"};
  }
  static http::testing::TestAnswer Get(const ProgramPort& port, const std::string& path,
                                       const std::string& token = "",
                                       http::ClientTls tls = {.insecure = true}) {
    http::testing::TestClient client(port.port(), tls);
    const std::string bearer = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
    return client.Ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + bearer + "\r\n");
  }

  const std::string directory_ = testing::TempDir() + "/port-" + std::to_string(getpid());
  SystemClock clock_;
  SystemRandom random_;
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> server_;
  Pki pki_;
};

TEST_F(ProgramPortTest, ThereIsNoneUnlessItIsAskedFor) {
  EXPECT_EQ(*Scheduler({}), nullptr);
  EXPECT_EQ(*Scheduler({"secure-port=0"}), nullptr);
  EXPECT_EQ(*ControllerManager({"concurrent-job-syncs=3"}), nullptr);
}

TEST_F(ProgramPortTest, ItTellsWhomTheServerLetsSeeIt) {
  const auto made = ControllerManager(Served());
  ASSERT_TRUE(made) << made.error().message;
  ProgramPort& port = **made;
  EXPECT_EQ(Get(port, "/healthz").body, "ok");
  EXPECT_EQ(Get(port, "/metrics").status(), 403);
  EXPECT_EQ(Get(port, "/metrics", "nobodys").status(), 401);
  EXPECT_THAT(Get(port, "/metrics", "guest").body, StartsWith("forbidden: User \"guest\""));
  const auto told = Get(port, "/metrics", "admin");
  EXPECT_EQ(told.status(), 200);
  EXPECT_THAT(told.body, HasSubstr("process_resident_memory_bytes"));
  EXPECT_THAT(told.body,
              HasSubstr("leader_election_master_status{name=\"kube-controller-manager\"} 0\n"));
  EXPECT_EQ(Get(port, "/metrics/resources", "admin").status(), 404);
  // The administrator's certificate is good here as well.
  const KeyPair admin = *pki_.authority().Issue(
      {.common_name = "me", .organizations = {"system:masters"}, .client = true}, clock_.Now());
  const http::ClientTls tls{
      .insecure = true, .certificate_pem = admin.certificate_pem, .key_pem = admin.key_pem};
  EXPECT_EQ(Get(port, "/metrics", "", tls).status(), 200);
}

TEST_F(ProgramPortTest, WhatRunsIsToldWhileItDoes) {
  const auto made = Scheduler(Served());
  ASSERT_TRUE(made) << made.error().message;
  ProgramPort& port = **made;
  EXPECT_THAT(Get(port, "/readyz").body, HasSubstr("[-]sched-handler-sync failed"));
  EXPECT_EQ(Get(port, "/livez").body, "ok");
  MetricRegistry metrics, resources;
  metrics.AddMeasured({"mine", "Mine.", {}}, [] { return std::vector<Sample>{{{}, 1}}; });
  resources.AddMeasured({"asked", "Asked.", {}}, [] { return std::vector<Sample>{{{}, 2}}; });
  port.run().Show({.metrics = &metrics, .resources = &resources});
  EXPECT_EQ(Get(port, "/readyz").body, "ok");
  EXPECT_THAT(Get(port, "/metrics", "admin").body, EndsWith("\nmine 1\n"));
  EXPECT_THAT(Get(port, "/metrics", "admin").body,
              HasSubstr("leader_election_master_status{name=\"kube-scheduler\"} 1\n"));
  EXPECT_THAT(Get(port, "/metrics/resources", "admin").body, EndsWith("\nasked 2\n"));
  port.run().Close();
  EXPECT_THAT(Get(port, "/metrics", "admin").body, Not(HasSubstr("mine")));
  EXPECT_EQ(Get(port, "/metrics/resources", "admin").status(), 200);
}

TEST_F(ProgramPortTest, WhoReadsIsWaitedForByWhoCloses) {
  const auto made = Scheduler(Served());
  ASSERT_TRUE(made) << made.error().message;
  ProgramPort& port = **made;
  std::promise<void> asked, let;
  MetricRegistry metrics;
  metrics.AddMeasured({"held", "Held.", {}}, [&] {
    asked.set_value();
    let.get_future().wait();
    return std::vector<Sample>{{{}, 1}};
  });
  port.run().Show({.metrics = &metrics});
  auto reader = std::async(std::launch::async, [&] { return Get(port, "/metrics", "admin").body; });
  asked.get_future().wait();
  port.run().Hide();
  EXPECT_THAT(Get(port, "/metrics", "admin").body, Not(HasSubstr("held")));
  EXPECT_EQ(Get(port, "/readyz").status(), 500);
  auto closed = std::async(std::launch::async, [&] { port.run().Close(); });
  EXPECT_EQ(closed.wait_for(20ms), std::future_status::timeout) << "somebody reads still";
  let.set_value();
  EXPECT_THAT(reader.get(), EndsWith("\nheld 1\n"));
  closed.get();
}

TEST_F(ProgramPortTest, ItsCertificateNamesWhereItIsAskedFor) {
  const auto tls = TlsOf({}, "kube-scheduler", clock_);
  ASSERT_TRUE(tls) << tls.error().message;
  const auto names = NamesOfCertificate(tls->certificate_pem);
  ASSERT_TRUE(names);
  EXPECT_THAT(names->dns_names, Contains("localhost"));
  EXPECT_THAT(names->ip_addresses, UnorderedElementsAre("127.0.0.1", "::1"));
}

// Who may name users in headers is said by the cluster, or by the flags where they say it.
TEST_F(ProgramPortTest, ProxiesInFrontNameUsers) {
  const KeyPair proxy{*ReadWholeFile(pki_.Path("front-proxy-client.crt")),
                      *ReadWholeFile(pki_.Path("front-proxy-client.key"))};
  const auto status_of = [&](std::vector<std::string> more) {
    auto arguments = Served();
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto made = Scheduler(arguments);
    EXPECT_TRUE(made) << made.error().message;
    http::testing::TestClient client(
        (*made)->port(),
        http::ClientTls{
            .insecure = true, .certificate_pem = proxy.certificate_pem, .key_pem = proxy.key_pem});
    return client
        .Ask(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Remote-User: somebody\r\n"
            "X-Remote-Group: system:masters\r\n\r\n")
        .status();
  };
  EXPECT_EQ(status_of({}), 200);
  EXPECT_NE(status_of({"requestheader-allowed-names=another"}), 200);
  EXPECT_NE(status_of({"requestheader-username-headers=X-Other"}), 200);
}

TEST_F(ProgramPortTest, WhatCannotBeServedIsSaid) {
  const auto arguments = Served();
  const auto first = Scheduler(arguments);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = ControllerManager(arguments);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, StartsWith("kube-controller-manager: listen tcp 127.0.0.1:"));
  EXPECT_THAT(second.error().message, EndsWith("bind: address already in use"));
  auto wrong = Served();
  wrong.emplace_back("tls-cert-file=/nowhere");
  wrong.emplace_back("tls-private-key-file=/nowhere");
  EXPECT_THAT(Scheduler(wrong).error().message, HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace skiff
