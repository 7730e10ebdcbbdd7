// For tests: a real cluster of one simulated node on the loopback, with the authorization that
// `skiff up` gives it, over real TLS, and machines that join it.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/test_port.h"
#include "client/kubeconfig.h"
#include "skiff/cluster.h"
#include "skiff/cluster_objects.h"
#include "skiff/join.h"
#include "skiff/joining.h"
#include "skiff/token.h"

namespace skiff {

// For what happens as soon as somebody gets round to it.
inline constexpr Duration kPatience = 60s;

// One cluster for all tests: each uses nodes and tokens of its own.
class JoinedClusterTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    options_.data_dir = testing::TempDir() + "/skiff-joining-" + std::to_string(getpid());
    options_.bind_address = "127.0.0.1";
    options_.secure_port = FreePort();
    options_.simulated_nodes = 1;
    options_.durability = "memory";
    options_.bootstrap_token = "skiff0.0123456789abcdef";
    options_.default_not_ready_toleration_s = 7;
    std::filesystem::create_directories(options_.data_dir);
    auto cluster = Cluster::Start(options_, [](const std::string&) {});
    ASSERT_TRUE(cluster) << cluster.error().message;
    cluster_ = std::move(*cluster);
    const auto config = Kubeconfig::Load(AdminKubeconfigPath(options_));
    transport_ = *MakeHttpsTransport(*config->Options());
    admin_ = std::make_unique<Client>(*transport_, "test");
  }
  static void TearDownTestSuite() {
    admin_.reset();
    transport_.reset();
    cluster_.reset();
    std::filesystem::remove_all(options_.data_dir);
  }

  JoinedClusterTest() : directory_(options_.data_dir + "/joined") {}
  ~JoinedClusterTest() override { std::filesystem::remove_all(directory_); }

  BootstrapToken MakeToken(Duration ttl = 1h) {
    NewToken wanted{.ttl = ttl};
    wanted.secret.token = BootstrapToken::Generate(random_);
    wanted.secret.may_sign = wanted.secret.may_authenticate = true;
    wanted.secret.groups = {std::string(kDefaultNodeTokenGroup)};
    const auto made = CreateToken(*admin_, clock_, random_, wanted);
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  // The command that the server prints, as `skiff join` reads it.
  JoinOptions OptionsFor(const BootstrapToken& token, const std::string& node) {
    const std::string line = *JoinCommand(*admin_, token);
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; in >> word;) words.push_back(word);
    EXPECT_EQ(words.size(), 7u) << line;
    JoinOptions options{.data_dir = directory_, .node_name = node};
    options.target = *ParseJoinTarget(words.at(2), words.at(4), {words.at(6)});
    return options;
  }
  Result<NodeIdentity> Join(const JoinOptions& options) {
    return JoinCluster(options, clock_, random_, [](const std::string&) {});
  }
  std::string ErrorOf(const JoinOptions& options) {
    const auto joined = Join(options);
    return joined ? "" : joined.error().message;
  }

  static inline ClusterOptions options_;
  static inline std::unique_ptr<Cluster> cluster_;
  static inline std::unique_ptr<Transport> transport_;
  static inline std::unique_ptr<Client> admin_;
  const SystemClock clock_;
  SystemRandom random_;
  const std::string directory_;
};

}  // namespace skiff
