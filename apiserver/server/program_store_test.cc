#include "apiserver/server/program_store.h"

#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apiserver/storage/checkpoints.h"
#include "apiserver/storage/etcd_test_host.h"
#include "base/certificates.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Refusal(const std::vector<std::string>& args) {
  const auto flags = ParseApiServerFlags(args);
  return flags ? "" : flags.error().message;
}

TEST(ProgramStore, TakesTheFlagsOfKubeApiserver) {
  const auto flags = ParseApiServerFlags(
      {"--etcd-servers=https://a:2379,https://b:2379", "--etcd-cafile=ca", "--etcd-certfile=c",
       "--etcd-keyfile=k", "--etcd-prefix=/other", "--etcd-compaction-interval=10m",
       "--event-ttl=2h", "--storage-backend=etcd3", "--storage-media-type=application/json"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_THAT((*flags)->etcd_servers, ElementsAre("https://a:2379", "https://b:2379"));
  EXPECT_EQ((*flags)->etcd_prefix, "/other");
  EXPECT_EQ((*flags)->etcd_compaction_interval, 10min);
  EXPECT_EQ((*flags)->event_ttl, 2h);
}

TEST(ProgramStore, SaysWhichFlagIsWrong) {
  EXPECT_THAT(Refusal({"--storage-backend=etcd2"}), HasSubstr("--storage-backend invalid"));
  EXPECT_THAT(Refusal({"--etcd-certfile=c"}), HasSubstr("must be given together"));
  EXPECT_THAT(Refusal({"--durability=never"}), HasSubstr("--durability"));
}

TEST(ApiServerProgram, NamesTheFlagThatIsMissingBesideAnother) {
  const std::pair<const char*, const char*> kPairs[] = {
      {"--tls-cert-file", "--tls-private-key-file"},
      {"--kubelet-client-certificate", "--kubelet-client-key"},
      {"--proxy-client-cert-file", "--proxy-client-key-file"},
      {"--etcd-certfile", "--etcd-keyfile"}};
  for (const auto& [certificate, key] : kPairs) {
    const std::string refused =
        std::string(certificate) + " and " + key + " must be given together or not at all";
    EXPECT_EQ(Refusal({certificate + std::string("=f")}), refused);
    EXPECT_EQ(Refusal({key + std::string("=f")}), refused);
    EXPECT_EQ(Refusal({certificate + std::string("=f"), key + std::string("=f")}), "");
  }
}

TEST(ApiServerProgram, SaysWhatHasNoEffectAndRefusesTheRestrictionHoweverItIsSpelt) {
  const auto flags = ParseApiServerFlags({"--allow-privileged", "--secure-port=7", "--profiling=0",
                                          "--watch-cache", "--max-connection-bytes-per-sec=9"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ((*flags)->secure_port, 7) << "a switch takes no word after it";
  EXPECT_THAT(
      (*flags)->log.notes,
      ElementsAre("--max-connection-bytes-per-sec=9 has no effect: connections have no limit "
                  "of bytes a second"));
  for (const char* no : {"false", "0", "f", "False", "F"}) {
    const std::string refusal = Refusal({std::string("--allow-privileged=") + no});
    EXPECT_THAT(refusal, HasSubstr("must not be ignored")) << no;
  }
}

// Which of the many files that it is given is no such thing.
TEST(ApiServerProgram, NamesTheFileThatHoldsNoCertificateOrKey) {
  const std::string folder = testing::TempDir() + "/api-files-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  const std::string bad = folder + "/bad.pem", good = folder + "/good.crt", key = folder + "/key";
  const auto authority = CertificateAuthority::Create("a", SystemClock().Now());
  std::ofstream(bad) << "no PEM\n";
  std::ofstream(good) << authority->pem().certificate_pem;
  std::ofstream(key) << authority->pem().key_pem;
  const auto refusal = [&](std::vector<std::string> args) -> std::string {
    args.push_back("--data-dir=" + folder);
    args.push_back("--bind-address=127.0.0.1");
    auto flags = ParseApiServerFlags(args);
    if (!flags) return "flags: " + flags.error().message;
    (*flags)->secure_port = 0;
    const auto started = ApiServerProcess::Start(**flags);
    return started ? "" : started.error().message;
  };
  for (const char* flag : {"client-ca-file", "requestheader-client-ca-file",
                           "kubelet-certificate-authority", "service-account-signing-key-file",
                           "service-account-key-file"}) {
    std::vector<std::string> args = {std::string("--") + flag + "=" + bad};
    // One that is good beside it changes nothing.
    if (args[0].starts_with("--client-ca")) {
      args.push_back("--requestheader-client-ca-file=" + good);
    }
    if (args[0].starts_with("--service-account-key")) {
      args.push_back("--service-account-signing-key-file=" + key);
    }
    EXPECT_THAT(refusal(args), HasSubstr(bad)) << flag;
  }
  EXPECT_THAT(refusal({"--tls-cert-file=" + bad, "--tls-private-key-file=" + key}), HasSubstr(bad));
  EXPECT_THAT(refusal({"--kubelet-client-certificate=" + bad, "--kubelet-client-key=" + key}),
              HasSubstr(bad));
  EXPECT_THAT(refusal({"--proxy-client-cert-file=" + good, "--proxy-client-key-file=" + bad}),
              HasSubstr(bad));
  const std::string etcd = "--etcd-servers=https://127.0.0.1:1";
  EXPECT_THAT(refusal({etcd, "--etcd-cafile=" + bad}), HasSubstr(bad));
  EXPECT_THAT(refusal({etcd, "--etcd-certfile=" + bad, "--etcd-keyfile=" + key}), HasSubstr(bad));
  std::filesystem::remove_all(folder);
}

TEST(ApiServerProgram, KnowsWhetherAnonymousRequestsWereSpokenOf) {
  const auto anonymous = [](std::vector<std::string> args) {
    return (*ParseApiServerFlags(args))->anonymous_auth;
  };
  EXPECT_EQ(anonymous({}), std::nullopt);
  EXPECT_EQ(anonymous({"--anonymous-auth"}), true);
  EXPECT_EQ(anonymous({"--anonymous_auth=false"}), false) << "as pflag reads it";
}

TEST(ProgramStore, OpensEtcdUnderItsPrefixAndSaysWhenNobodyAnswers) {
  const EtcdHost host;
  SystemClock clock;
  SystemRandom random;
  ApiServerFlags flags;
  flags.etcd_servers = {host.Url()};
  flags.etcd_prefix = "other/";
  const auto opened = OpenProgramStore(flags, clock, random);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_TRUE(opened->store->Apply({.key = "/registry/pods/default/x", .value = "1"}));
  etcd::RangeRequest request;
  request.set_key("/other/pods/default/x");
  const auto client = EtcdClient::Create(host.Client(), clock);
  EXPECT_EQ((*client)->Range(request)->kvs_size(), 1);
  const auto copied = opened->checkpoint();
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message,
              HasSubstr("`etcdctl --endpoints=" + host.Url() + " snapshot save FILE`"));
  flags.etcd_servers = {host.UrlAt(FreePort())};
  flags.storage_initialization_timeout = 200ms;
  const auto nobody = OpenProgramStore(flags, clock, random);
  ASSERT_FALSE(nobody);
  EXPECT_THAT(nobody.error().message, HasSubstr(flags.etcd_servers[0]));
}

TEST(ProgramStore, CopiesTheEmbeddedStoreForWhoTakesTheCopiesAway) {
  std::string folder = "/tmp/skiff-program-store-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  SystemClock clock;
  SystemRandom random;
  ApiServerFlags flags;
  flags.data_dir = folder;
  for (const int start : {1, 2}) {
    const auto opened = OpenProgramStore(flags, clock, random);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(std::filesystem::exists(folder + "/checkpoints"), false)
        << "what an earlier start left is gone";
    ASSERT_TRUE(opened->store->Apply({.key = "/a", .value = std::to_string(start)}));
    std::string path;
    for (int i = 0; i < Checkpoints::kUntakenMax; ++i) {
      const auto made = opened->checkpoint();
      ASSERT_TRUE(made) << made.error().message;
      path = *made;
    }
    const auto refused = opened->checkpoint();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kTooManyRequests);
    EXPECT_THAT(refused.error().message, HasSubstr(folder + "/checkpoints"));
    std::filesystem::rename(path, folder + "/taken" + std::to_string(start));
    EXPECT_TRUE(opened->checkpoint());
    const auto taken =
        RocksdbStore::Open({.path = folder + "/taken" + std::to_string(start)}, clock);
    EXPECT_EQ((*taken)->Get("/a").value()->value, std::to_string(start));
  }
  ASSERT_TRUE(CopyClosedStore(folder + "/store", folder + "/closed/1"));
  EXPECT_EQ(RocksdbDisk::Inspect({.path = folder + "/closed/1"})->last, Revision{3});
  std::filesystem::remove_all(folder);
}

TEST(ProgramStore, OpensTheEmbeddedStoreWithoutEtcd) {
  std::string folder = "/tmp/skiff-program-store-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  SystemClock clock;
  SystemRandom random;
  ApiServerFlags flags;
  flags.data_dir = folder;
  flags.durability = "interval";
  {
    const auto opened = OpenProgramStore(flags, clock, random);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->loops.size(), 4u)
        << "compaction, events that expire, records that nobody uses, syncing";
    EXPECT_TRUE(std::filesystem::exists(folder + "/store"));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace skiff
