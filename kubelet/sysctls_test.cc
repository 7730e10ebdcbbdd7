#include "kubelet/sysctls.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

std::string Problem(const SysctlAllowlist& list, const std::string& name,
                    void (*change)(core_v1::PodSpec&) = nullptr) {
  core_v1::PodSpec spec;
  spec.security_context.Ensure().sysctls.emplace_back().name = name;
  if (change != nullptr) change(spec);
  return list.Problem(spec).value_or("");
}

TEST(SysctlsTest, OnlySafeOnesAreAllowed) {
  const SysctlAllowlist list("6.1.0-18-amd64");
  for (const char* name :
       {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
        "net/ipv4/tcp_syncookies"}) {
    EXPECT_EQ(Problem(list, name), "") << name;
  }
  EXPECT_EQ(Problem(list, "kernel.msgmax"), "forbidden sysctl: \"kernel.msgmax\" not allowlisted");
  EXPECT_EQ(Problem(list, "net/ipv4/ip_forward"),
            "forbidden sysctl: \"net.ipv4.ip_forward\" not allowlisted");
  EXPECT_EQ(Problem(list, "vm.swappiness"), "forbidden sysctl: \"vm.swappiness\" not allowlisted");
}

TEST(SysctlsTest, OldKernelsKeepFewerOfThemByPod) {
  EXPECT_EQ(Problem(SysctlAllowlist("4.6"), "net.ipv4.tcp_fin_timeout"), "");
  EXPECT_NE(Problem(SysctlAllowlist("4.5"), "net.ipv4.tcp_fin_timeout"), "");
  EXPECT_NE(Problem(SysctlAllowlist("3.10"), "net.ipv4.tcp_rmem"), "");
  EXPECT_EQ(Problem(SysctlAllowlist("3.10"), "net.ipv4.tcp_syncookies"), "");
}

TEST(SysctlsTest, AnAdministratorAllowsMore) {
  SysctlAllowlist list("6.1");
  ASSERT_TRUE(list.Allow({"kernel.msg*", "net/core/somaxconn"}));
  EXPECT_EQ(Problem(list, "kernel.msgmax"), "");
  EXPECT_EQ(Problem(list, "net.core.somaxconn"), "");
  EXPECT_NE(Problem(list, "net.core.rmem_max"), "");
  EXPECT_EQ(list.Allow({"vm.swappiness"}).error().message,
            "the sysctl \"vm.swappiness\" are not known to be namespaced");
  EXPECT_EQ(list.Allow({"vm.*"}).error().message,
            "the sysctls \"vm.*\" are not known to be namespaced");
  EXPECT_FALSE(list.Allow({"no good"}));
  EXPECT_FALSE(list.Allow({"*"}));
}

TEST(SysctlsTest, TheHostsOwnAreNobodysToSet) {
  const SysctlAllowlist list("6.1");
  EXPECT_EQ(Problem(list, "net.ipv4.tcp_syncookies", [](auto& spec) { spec.host_network = true; }),
            "forbidden sysctl: \"net.ipv4.tcp_syncookies\" not allowed with host Net enabled");
  EXPECT_EQ(Problem(list, "kernel.shm_rmid_forced", [](auto& spec) { spec.host_ipc = true; }),
            "forbidden sysctl: \"kernel.shm_rmid_forced\" not allowed with host IPC enabled");
  EXPECT_EQ(Problem(list, "net.ipv4.tcp_syncookies", [](auto& spec) { spec.host_ipc = true; }), "");
}

TEST(SysctlsTest, NamesHaveTwoForms) {
  EXPECT_EQ(SysctlInDots("net/ipv4/conf/eth0.100/forwarding"),
            "net.ipv4.conf.eth0/100.forwarding");
  EXPECT_EQ(SysctlInDots("net.ipv4.conf.eth0/100.forwarding"),
            "net.ipv4.conf.eth0/100.forwarding");
}

}  // namespace
}  // namespace skiff::kubelet
