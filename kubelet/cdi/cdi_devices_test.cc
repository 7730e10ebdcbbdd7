#include "kubelet/cdi/cdi_devices.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet::cdi {
namespace {

class CdiDevicesTest : public testing::Test {
 protected:
  CdiDevicesTest() {
    tree_.MakeDirectory("etc");
    tree_.MakeDirectory("run");
  }
  std::string Give(const std::vector<std::string>& names) {
    container_ = {};
    container_.envs = {{"KEPT", "1"}, {"NET", "old"}};
    container_.mounts.push_back({.container_path = "/data", .host_path = "/old"});
    const auto given = CdiDevices({tree_.Path("etc"), tree_.Path("run")}).Give(names, container_);
    return given ? "" : given.error().message;
  }
  // A file of one device with these edits.
  std::string ErrorOf(const std::string& edits) {
    tree_.Write("etc/one.yaml",
                "cdiVersion: 0.7.0\nkind: v.com/net\ndevices:\n- name: a\n"
                "  containerEdits:\n    " +
                    edits + "\n");
    return Give({"v.com/net=a"});
  }

  TemporaryTree tree_;
  cri::ContainerConfig container_;
};

using Envs = std::vector<std::pair<std::string, std::string>>;

TEST_F(CdiDevicesTest, AContainerGetsTheEditsOfItsDevicesAndThoseOfTheFileOnce) {
  tree_.Write("etc/net.json", R"({"cdiVersion": "0.6.0", "kind": "v.com/net",
      "containerEdits": {"env": ["ALL=1"]},
      "devices": [
        {"name": "a", "containerEdits": {"env": ["NET=a=b"], "deviceNodes": [
          {"path": "/dev/in-container", "hostPath": "/dev/null", "permissions": "rw"}]}},
        {"name": "b", "containerEdits": {"mounts": [
          {"hostPath": "/lib", "containerPath": "/data", "options": ["ro", "rslave", "bind"]}]}},
        {"name": "c", "containerEdits": {"env": ["C=1"]}}]})");
  EXPECT_EQ(Give({"v.com/net=a", "v.com/net=b", "v.com/net=a"}), "");
  EXPECT_EQ(container_.envs, (Envs{{"KEPT", "1"}, {"ALL", "1"}, {"NET", "a=b"}}));
  ASSERT_EQ(container_.devices.size(), 1U);
  EXPECT_EQ(container_.devices[0].container_path, "/dev/in-container");
  EXPECT_EQ(container_.devices[0].host_path, "/dev/null");
  EXPECT_EQ(container_.devices[0].permissions, "rw");
  ASSERT_EQ(container_.mounts.size(), 1U);
  EXPECT_EQ(container_.mounts[0].host_path, "/lib");
  EXPECT_TRUE(container_.mounts[0].readonly);
  EXPECT_EQ(container_.mounts[0].propagation, cri::Propagation::kHostToContainer);
}

TEST_F(CdiDevicesTest, WhatARuntimeCannotBeAskedForIsNotLeftOut) {
  const std::string no_device = "CDI device injection failed: unresolvable CDI devices v.com/net=a";
  const std::string no_spec =
      no_device + "; failed to parse CDI Spec \"" + tree_.Path("etc/one.yaml") + "\": ";
  EXPECT_EQ(ErrorOf("hooks: [{hookName: createContainer, path: /bin/true}]"),
            no_spec + "the runtime cannot be asked for hooks");
  EXPECT_EQ(ErrorOf("hooks: []"), "");
  EXPECT_EQ(ErrorOf("intelRdt: {closID: a}"), no_spec + "the runtime cannot be asked for intelRdt");
  EXPECT_EQ(ErrorOf("mounts: [{hostPath: /a, containerPath: /b, options: [nosuid]}]"),
            no_spec + "mount \"/b\": the runtime cannot be asked for the option \"nosuid\"");
  EXPECT_EQ(ErrorOf("mounts: [{hostPath: /a, containerPath: /b, type: tmpfs}]"),
            no_spec + "mount \"/b\": the runtime cannot be asked for a mount of type \"tmpfs\"");
  EXPECT_EQ(ErrorOf("deviceNodes: [{path: /dev/null, type: c, major: 1, minor: 3}]"), "");
  EXPECT_NE(ErrorOf("deviceNodes: [{path: /dev/null, major: 7}]").find("cannot be asked for"),
            std::string::npos);
  EXPECT_EQ(ErrorOf("deviceNodes: [{path: /dev/none}]"),
            "CDI device injection failed: stat /dev/none: No such file or directory");
  EXPECT_EQ(ErrorOf("deviceNodes: [{path: /dev/null, major: 0, minor: 9}]"), "");
  EXPECT_NE(ErrorOf("deviceNodes: [{path: /dev/null, type: c, major: 1}]"), "");
  EXPECT_EQ(ErrorOf("additionalGids: [5, 5, 0]"), "");
  EXPECT_EQ(container_.security.supplemental_groups, std::vector<int64_t>{5});
}

TEST_F(CdiDevicesTest, WhatIsNoDeviceIsNotGivenAsOne) {
  const std::string no_device =
      "CDI device injection failed: \"" + tree_.root() + "/etc\" is not a device node";
  EXPECT_EQ(ErrorOf("deviceNodes: [{path: /dev/a, hostPath: " + tree_.Path("etc") + "}]"),
            no_device);
  EXPECT_EQ(ErrorOf("deviceNodes: [{path: /dev/a, type: p, hostPath: " + tree_.Path("etc") + "}]"),
            no_device);
  tree_.Write("file", "no device");
  EXPECT_NE(ErrorOf("deviceNodes: [{path: /dev/a, hostPath: " + tree_.Path("file") + "}]"), "");
  ASSERT_EQ(mkfifo(tree_.Path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(ErrorOf("deviceNodes: [{path: /dev/a, type: p, major: 3, hostPath: " +
                    tree_.Path("fifo") + "}]"),
            "");
}

TEST_F(CdiDevicesTest, AFileMayBeALink) {
  tree_.Write("file",
              R"({"cdiVersion": "0.3.0", "kind": "v.com/net", "devices": [{"name": "a"}]})");
  ASSERT_EQ(symlink(tree_.Path("file").c_str(), tree_.Path("etc/one.json").c_str()), 0);
  EXPECT_EQ(Give({"v.com/net=a"}), "");
}

TEST_F(CdiDevicesTest, ALaterDirectoryHidesAnEarlierOneAndTwoFilesOfOneAreNobodysWord) {
  const auto file = [](const std::string& value) {
    return R"({"cdiVersion": "0.3.0", "kind": "v.com/net", "devices": [{"name": "a",
        "containerEdits": {"env": ["FROM=)" +
           value + R"("]}}]})";
  };
  tree_.Write("etc/one.json", file("etc"));
  ASSERT_EQ(Give({"v.com/net=a"}), "");
  EXPECT_EQ(container_.envs.back().second, "etc");
  tree_.Write("run/one.json", file("run"));
  ASSERT_EQ(Give({"v.com/net=a"}), "");
  EXPECT_EQ(container_.envs.back().second, "run");
  tree_.Write("run/two.json", file("run"));
  EXPECT_EQ(Give({"v.com/net=a"}),
            "CDI device injection failed: unresolvable CDI devices v.com/net=a: several files have "
            "it");
  tree_.Write("run/ignored.txt", "no CDI file");
  EXPECT_EQ(Give({"v.com/other=a"}),
            "CDI device injection failed: unresolvable CDI devices v.com/other=a");
}

TEST(CdiSpecTest, FilesThatAreNoneAreRefusedInWords) {
  const auto error_of = [](const std::string& text) {
    const auto spec = ParseSpec(text);
    return spec ? "" : spec.error().message;
  };
  EXPECT_EQ(error_of("[]"), "no object");
  EXPECT_EQ(error_of("cdiVersion: 9.0.0"), "invalid version \"9.0.0\"");
  EXPECT_EQ(error_of("{cdiVersion: 0.5.0, kind: net}"), "invalid kind \"net\"");
  EXPECT_EQ(error_of("{cdiVersion: 0.5.0, kind: v.com/net}"), "invalid spec, no devices");
  EXPECT_EQ(error_of("{cdiVersion: 0.5.0, kind: v.com/net, devices: [{name: a}, {name: a}]}"),
            "invalid spec, multiple device \"a\"");
  EXPECT_EQ(error_of("{cdiVersion: 0.5.0, kind: v.com/net, devices: [{name: -a}]}"),
            "invalid device name \"-a\"");
  EXPECT_EQ(error_of("{cdiVersion: 0.5.0, kind: v.com/net, devices: [{name: a}], containerEdits: "
                     "{env: [A]}}"),
            "invalid environment variable \"A\"");
  EXPECT_EQ(error_of("{cdiVersion: 0.5.0, kind: v.com/net, devices: [{name: a}], containerEdits: "
                     "{env: 1}}"),
            "env is no list");
  const std::string device = "{cdiVersion: 0.5.0, kind: v.com/net, devices: [{name: a, ";
  EXPECT_EQ(error_of(device + "edits: {}}]}"), "unknown field \"edits\"");
  EXPECT_EQ(error_of(device + "containerEdits: {caps: [a]}}]}"), "unknown field \"caps\"");
  EXPECT_EQ(error_of(device + "containerEdits: {mounts: [{hostPath: /a, idMap: 1}]}}]}"),
            "unknown field \"idMap\"");
  EXPECT_EQ(error_of(device + "containerEdits: {deviceNodes: [{Path: /a, seLinux: a}]}}]}"),
            "unknown field \"seLinux\"");
  EXPECT_EQ(error_of(device + "annotations: {a: b}}], more: 1}"), "unknown field \"more\"");
  EXPECT_EQ(error_of("{cdiVersion: 1.1.0, kind: v.com/net, devices: [{name: '0'}]}"), "");
}

}  // namespace
}  // namespace skiff::kubelet::cdi
