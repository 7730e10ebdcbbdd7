// What verbs about clusters say: of themselves, of clusters that do not run, of words that they do
// not take.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <tuple>
#include <utility>

#include "base/test_port.h"
#include "skiff/certs.h"
#include "skiff/chaos/program.h"
#include "skiff/daemon.h"
#include "skiff/doctor.h"
#include "skiff/join.h"
#include "skiff/snapshot/program.h"
#include "skiff/status.h"
#include "skiff/token.h"
#include "skiff/up.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ProgramHelpTest, GoesToStandardOutput) {
  const std::pair<const char*, int (*)(const std::vector<std::string>&)> programs[] = {
      {"up", &UpMain},       {"down", &DownMain},         {"status", &StatusMain},
      {"token", &TokenMain}, {"image", &ImageMain},       {"certs", &CertsMain},
      {"join", &JoinMain},   {"snapshot", &SnapshotMain}, {"chaos", &chaos::ChaosMain}};
  for (const auto& [name, run] : programs) {
    for (const char* flag : {"--help", "-h"}) {
      testing::internal::CaptureStdout();
      testing::internal::CaptureStderr();
      EXPECT_EQ(run({flag}), 0) << name;
      EXPECT_NE(testing::internal::GetCapturedStdout(), "") << name;
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << name;
    }
  }
}

TEST(ProgramHelpTest, WhatIsAboutClustersInDockerIsToldOf) {
  const std::pair<const char*, int (*)(const std::vector<std::string>&)> programs[] = {
      {"up", &UpMain}, {"down", &DownMain}, {"status", &StatusMain}, {"image", &ImageMain}};
  for (const auto& [name, run] : programs) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(run({"--help"}), 0) << name;
    EXPECT_THAT(testing::internal::GetCapturedStdout(),
                testing::AllOf(HasSubstr("\n  --docker "), HasSubstr("\n  --name TEXT")))
        << name;
  }
}

TEST(ProgramHelpTest, AWordThatIsNearlyAVerbGetsTheVerb) {
  const std::tuple<const char*, int (*)(const std::vector<std::string>&), const char*> typed[] = {
      {"sav", &SnapshotMain, "save"},
      {"creat", &TokenMain, "create"},
      {"lod", &ImageMain, "load"},
      {"netm", &chaos::ChaosMain, "netem"}};
  for (const auto& [word, run, meant] : typed) {
    testing::internal::CaptureStderr();
    EXPECT_NE(run({word, "x"}), 0);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr(std::string("\n\nDid you mean this?\n\t") + meant + "\n"));
  }
}

TEST(ProgramHelpTest, AWordWhereNoneIsTakenIsAnsweredWithTheUsage) {
  const std::pair<const char*, int (*)(const std::vector<std::string>&)> programs[] = {
      {"up", &UpMain}, {"down", &DownMain}, {"status", &StatusMain}, {"doctor", &DoctorMain}};
  for (const auto& [name, run] : programs) {
    testing::internal::CaptureStderr();
    EXPECT_NE(run({"foo"}), 0) << name;
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              fmt::format("error: unexpected argument \"foo\"; usage: skiff {0} [flags], see skiff "
                          "{0} --help\n",
                          name));
  }
}

TEST(StatusProgramTest, OfAClusterThatDoesNotRunItSaysWhatStartsIt) {
  ClusterOptions options{.data_dir = testing::TempDir() + "stopped-" + std::to_string(getpid()),
                         .simulated_nodes = 3};
  const auto said = [&](std::vector<std::string> args = {}) {
    args.push_back("--data-dir=" + options.data_dir);
    testing::internal::CaptureStdout();
    EXPECT_EQ(StatusMain(args), 1);
    return testing::internal::GetCapturedStdout();
  };
  EXPECT_EQ(said({"-oyaml"}), "dataDir: " + options.data_dir + "\nstate: None\n");
  EXPECT_THAT(said({"-o", "json"}), HasSubstr("\"state\": \"None\""));
  EXPECT_EQ(said({"--output=wide"}), "");
  EXPECT_THAT(said(), StartsWith(fmt::format("No cluster runs on {0}: `skiff up --data-dir={0}` "
                                             "makes one. ",
                                             options.data_dir)));
  std::filesystem::create_directories(options.data_dir);
  ASSERT_TRUE(WriteClusterMark(options));
  EXPECT_EQ(said(), fmt::format("The cluster of {0} does not run: `skiff up --nodes=3 "
                                "--data-dir={0}` starts it.\n",
                                options.data_dir));
  EXPECT_THAT(said({"-o=yaml"}), HasSubstr("state: Stopped\n"));
  std::filesystem::remove_all(options.data_dir);
}

TEST(StatusProgramTest, NoServerIsToldOfBeforeOneIsKnown) {
  const std::string data_dir = testing::TempDir() + "begun-" + std::to_string(getpid());
  const auto lock = DataDirLock::TakeAsDaemon(data_dir);
  ASSERT_TRUE(lock) << lock.error().message;
  testing::internal::CaptureStdout();
  EXPECT_EQ(StatusMain({"--data-dir=" + data_dir}), 1);
  const std::string said = testing::internal::GetCapturedStdout();
  EXPECT_THAT(said, StartsWith("Running: process "));
  EXPECT_THAT(said, testing::Not(HasSubstr("\n  server ")));
  const std::string kubeconfig = data_dir + "/admin.kubeconfig";
  EXPECT_THAT(said, HasSubstr(kubeconfig + " (export KUBECONFIG=" + kubeconfig +
                              ", and kubectl's verbs mean this cluster)\n"));
  std::filesystem::remove_all(data_dir);
}

TEST(StatusProgramTest, WhatIsDamagedOfItsKubeconfigIsNamed) {
  const std::string data_dir = testing::TempDir() + "damaged-" + std::to_string(getpid());
  const auto lock = DataDirLock::TakeAsDaemon(data_dir);
  ASSERT_TRUE(lock) << lock.error().message;
  const std::string kubeconfig = data_dir + "/admin.kubeconfig";
  for (const auto& [data, wrong] :
       {std::pair("'!'", "illegal base64 data at input byte 0"),
        std::pair("YQ==", "there is no certificate in it that can be read")}) {
    std::ofstream(kubeconfig)
        << "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
           "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', "
           "certificate-authority-data: "
        << data << "}}]\n";
    testing::internal::CaptureStdout();
    EXPECT_EQ(StatusMain({"--data-dir=" + data_dir}), 1);
    EXPECT_THAT(testing::internal::GetCapturedStdout(),
                HasSubstr(kubeconfig + ": certificate-authority-data of cluster \"c\": " + wrong));
  }
  std::filesystem::remove_all(data_dir);
}

TEST(ImageProgramTest, OfANodeThatDoesNotRunNoContainerdIsStarted) {
  ClusterOptions options{.data_dir = testing::TempDir() + "ended-" + std::to_string(getpid())};
  std::filesystem::create_directories(options.data_dir);
  ASSERT_TRUE(WriteClusterMark(options));
  testing::internal::CaptureStderr();
  EXPECT_EQ(ImageMain({"ls", "--data-dir=" + options.data_dir}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            fmt::format("error: the node of {0} does not run, and its containerd with it: `skiff "
                        "up --data-dir={0}` starts it\n",
                        options.data_dir));
  EXPECT_FALSE(std::filesystem::exists(options.data_dir + "/containerd"));
  std::filesystem::remove_all(options.data_dir);
}

TEST(DoctorTest, TellsOfTheCommandThatItWasAskedAbout) {
  const std::string directory = testing::TempDir() + "skiff-doctor-" + std::to_string(getpid());
  const std::vector<std::string> args = {"--nodes=2", fmt::format("--secure-port={}", FreePort()),
                                         "--data-dir=" + directory};
  testing::internal::CaptureStdout();
  EXPECT_EQ(DoctorMain(args), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr(fmt::format("A cluster can be started here: skiff up {} {} {}\n", args[0],
                                    args[1], args[2])));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace skiff
