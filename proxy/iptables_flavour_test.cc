#include "proxy/iptables_flavour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/network_test_host.h"

namespace skiff::proxy {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A machine of which only the programs' answers are known, by their whole command line.
IptablesHost Machine(std::map<std::string, ProcessOutput> answers) {
  IptablesHost host;
  host.has = [answers](const std::string& program) {
    const auto found = answers.lower_bound(program);
    return found != answers.end() && found->first.starts_with(program);
  };
  host.run = [answers](const ProcessSpec& spec) -> Result<ProcessOutput> {
    std::string line;
    for (const std::string& word : spec.argv) line += (line.empty() ? "" : " ") + word;
    const auto found = answers.find(line);
    if (found == answers.end()) return ProcessOutput{.exit_code = 0};
    return found->second;
  };
  return host;
}

ProcessOutput Says(std::string out) {
  return {.exit_code = 0, .out = std::move(out)};
}

const std::string kHint = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n";

TEST(IptablesFlavourTest, AChainOfKubernetesDecidesBeforeTheNumberOfRules) {
  const std::string many = "*filter\n-A INPUT\n-A INPUT\n-A INPUT\nCOMMIT\n";
  EXPECT_EQ(FlavourInUse(Machine({{"iptables-nft-save", Says("")},
                                  {"iptables-nft-save -t mangle", Says(kHint)},
                                  {"iptables-legacy-save", Says(many)}})),
            IptablesFlavour::kNft);
  EXPECT_EQ(FlavourInUse(Machine({{"iptables-nft-save", Says(many)},
                                  {"iptables-nft-save -t mangle", Says("")},
                                  {"ip6tables-legacy-save", Says(kHint)}})),
            IptablesFlavour::kLegacy);
}

TEST(IptablesFlavourTest, WithoutSuchAChainMoreRulesDecideAndNftWhenEven) {
  const auto with = [](const std::string& nft, const std::string& legacy) {
    return FlavourInUse(
        Machine({{"iptables-nft-save", Says(nft)}, {"iptables-legacy-save", Says(legacy)}}));
  };
  EXPECT_EQ(with("", ""), IptablesFlavour::kNft);
  EXPECT_EQ(with("-A INPUT\n", "-A INPUT\n"), IptablesFlavour::kNft);
  EXPECT_EQ(with("-A INPUT\n", "-A INPUT\n-A INPUT\n"), IptablesFlavour::kLegacy);
  // Lines that are no rules do not count.
  EXPECT_EQ(with("-A INPUT\n", ":KUBE-A - [0:0]\n:KUBE-B - [0:0]\n"), IptablesFlavour::kNft);
}

TEST(IptablesFlavourTest, WhatDoesNotWorkIsPassedOverUnlessAskedFor) {
  const ProcessOutput broken = {.exit_code = 4, .err = "Could not fetch rule set generation id\n"};
  const IptablesHost host = Machine({{"iptables-nft", Says("")},
                                     {"iptables-nft-save", Says("")},
                                     {"iptables-nft-restore", Says("")},
                                     {"iptables-nft -w 5 -t filter -S OUTPUT", broken},
                                     {"iptables-legacy", Says("")},
                                     {"iptables-legacy-save", Says("")},
                                     {"iptables-legacy-restore", Says("")}});
  EXPECT_EQ(ChooseIptables(IpFamily::kIpv4, IptablesFlavour::kAuto, host).value(),
            "iptables-legacy");
  const auto forced = ChooseIptables(IpFamily::kIpv4, IptablesFlavour::kNft, host);
  ASSERT_FALSE(forced);
  EXPECT_EQ(forced.error().reason, Reason::kForbidden);
  EXPECT_THAT(forced.error().message,
              AllOf(HasSubstr("iptables-nft cannot use the table filter: Could not fetch"),
                    HasSubstr("modprobe"), HasSubstr("--iptables-flavour")));
}

TEST(IptablesFlavourTest, ErrorsSayWhatToInstallOrToAllow) {
  const auto nothing = ChooseIptables(IpFamily::kIpv6, IptablesFlavour::kAuto, Machine({}));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().reason, Reason::kNotFound);
  EXPECT_THAT(nothing.error().message, AllOf(HasSubstr("ip6tables-legacy is not installed"),
                                             HasSubstr("apt-get install iptables")));
  const ProcessOutput denied = {.exit_code = 4, .err = "Permission denied (you must be root)\n"};
  const auto user = ChooseIptables(IpFamily::kIpv4, IptablesFlavour::kAuto,
                                   Machine({{"iptables-nft", Says("")},
                                            {"iptables-nft-save", Says("")},
                                            {"iptables-nft-restore", Says("")},
                                            {"iptables-nft -w 5 -t filter -S OUTPUT", denied}}));
  ASSERT_FALSE(user);
  EXPECT_THAT(user.error().message, AllOf(HasSubstr("root"), HasSubstr("--cap-add NET_ADMIN")));
  EXPECT_EQ(ParseIptablesFlavour("ipvs").error().reason, Reason::kInvalid);
  EXPECT_EQ(ParseIptablesFlavour("legacy").value(), IptablesFlavour::kLegacy);
}

// On the real kernel: a machine of its own that has rules of one flavour only.
TEST(IptablesFlavourTest, TheRealMachineIsReadWithoutMakingTables) {
  const auto host = TestHost::Make();
  if (!host) GTEST_SKIP() << "making a network namespace needs root";
  if (!FindProgram("iptables-legacy") || !FindProgram("iptables-nft")) {
    GTEST_SKIP() << "both flavours are needed";
  }
  host->Run([&] {
    EXPECT_EQ(FlavourInUse({}), IptablesFlavour::kNft);
    EXPECT_EQ(FlavourInUse({}), IptablesFlavour::kNft) << "looking has changed something";
    EXPECT_EQ(ChooseIptables(IpFamily::kIpv4, IptablesFlavour::kAuto).value(), "iptables-nft");
  });
  host->Do("iptables-legacy -t mangle -N KUBE-IPTABLES-HINT");
  host->Do("iptables-nft -A INPUT -p tcp -j ACCEPT");
  host->Run([&] {
    EXPECT_EQ(ChooseIptables(IpFamily::kIpv4, IptablesFlavour::kAuto).value(), "iptables-legacy");
  });
}

}  // namespace
}  // namespace skiff::proxy
