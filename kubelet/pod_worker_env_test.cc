// What containers that a worker starts find in their environments.
#include "kubelet/pod_worker_fixture.h"

namespace skiff::kubelet {
namespace {

class PodWorkerEnvTest : public PodWorkerTest {
 protected:
  PodWorkerEnvTest() { context_.makes_volumes = true; }
  core_v1::EnvVarSource& Variable(const std::string& name) {
    auto& variable = pod_.spec.containers[0].env.emplace_back();
    variable.name = name;
    return variable.value_from.Ensure();
  }
  void MountEmptyDir() {
    auto& volume = pod_.spec.volumes.emplace_back();
    volume.name = "config";
    volume.empty_dir.emplace();
    auto& mount = pod_.spec.containers[0].volume_mounts.emplace_back();
    mount.name = "config";
    mount.mount_path = "/config";
  }
  void NameFile() {
    auto& file = Variable("LEVEL").file_key_ref.Ensure();
    file.volume_name = "config";
    file.path = "a.env";
    file.key = "LEVEL";
  }
  std::string FilePath() const {
    return volumes_.PodDirectory("uid-1") + "/volumes/kubernetes.io~empty-dir/config/a.env";
  }
  // As an init container would.
  void WriteFile(const std::string& text) {
    std::ofstream(FilePath()) << text;
    executor_.RunFor(PodWorker::kRetry);
  }
  std::string WaitsFor() {
    const auto status = Status();
    const auto& waiting = status.container_statuses.at(0).state.waiting;
    return waiting ? waiting->reason + ": " + waiting->message : "";
  }
};

TEST_F(PodWorkerEnvTest, AVariableIsReadFromAFileThatAContainerWrote) {
  MountEmptyDir();
  NameFile();
  StartWorker();
  EXPECT_TRUE(Running("app").empty());
  EXPECT_EQ(WaitsFor(), "CreateContainerConfigError: couldn't parse env file");
  WriteFile("OTHER='1'\n");
  EXPECT_EQ(WaitsFor(),
            "CreateContainerConfigError: environment variable key \"LEVEL\" not found in file \"" +
                FilePath() + "\"");
  WriteFile("LEVEL='debug'\n");
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(runtime_.created.at("app").envs, (Environment{{"LEVEL", "debug"}}));
}

TEST_F(PodWorkerEnvTest, AFileIsOnlyFoundInAVolumeThatAContainerMounts) {
  NameFile();
  StartWorker();
  EXPECT_EQ(WaitsFor(),
            "CreateContainerConfigError: cannot find the volume \"config\" referenced by "
            "FileKeyRef");
}

TEST_F(PodWorkerEnvTest, WhereNoFilesAreWrittenTheVariableIsEmpty) {
  context_.makes_volumes = false;
  MountEmptyDir();
  NameFile();
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(runtime_.created.at("app").envs, (Environment{{"LEVEL", ""}}));
}

// The API hears of the addresses only after the first containers have started.
TEST_F(PodWorkerEnvTest, TheNodesAddressesAreThereFromTheFirstStartOn) {
  context_.node_ips = [] { return std::vector<std::string>{"192.0.2.1", "2001:db8::1"}; };
  Variable("ONE").field_ref.Ensure().field_path = "status.hostIP";
  Variable("ALL").field_ref.Ensure().field_path = "status.hostIPs";
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(runtime_.created.at("app").envs,
            (Environment{{"ONE", "192.0.2.1"}, {"ALL", "192.0.2.1,2001:db8::1"}}));
}

// Of which the runtime knows no address.
TEST_F(PodWorkerEnvTest, APodOnTheNodesNetworkHasItsAddressesFromTheFirstStartOn) {
  context_.node_ips = [] { return std::vector<std::string>{"192.0.2.1"}; };
  pod_.spec.host_network = true;
  Variable("ONE").field_ref.Ensure().field_path = "status.podIP";
  Variable("ALL").field_ref.Ensure().field_path = "status.podIPs";
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(runtime_.created.at("app").envs,
            (Environment{{"ONE", "192.0.2.1"}, {"ALL", "192.0.2.1"}}));
}

}  // namespace
}  // namespace skiff::kubelet
