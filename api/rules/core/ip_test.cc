#include "api/rules/core/ip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/violations.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Canonical(std::string_view text) {
  const auto address = ParseIp(text);
  return address ? address->Text() : "bad";
}

TEST(IpTest, AddressesAreReadAsGoReadsThem) {
  EXPECT_EQ(Canonical("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(Canonical("010.000.0.1"), "10.0.0.1");
  EXPECT_EQ(Canonical("::ffff:1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(Canonical("::"), "::");
  EXPECT_EQ(Canonical("::1"), "::1");
  EXPECT_EQ(Canonical("2001:DB8:0:0:1:0:0:0"), "2001:db8:0:0:1::");
  EXPECT_EQ(Canonical("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
  EXPECT_EQ(Canonical("64:ff9b::1.2.3.4"), "64:ff9b::102:304");
  EXPECT_EQ(Canonical("0002001:00db8::000000"), "2001:db8::");
  for (const char* bad :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.", "1.2.3.-4", "a", ":", ":::", "1::2::3",
        "12345::", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "1.2.3.4::", "1:"}) {
    EXPECT_EQ(Canonical(bad), "bad") << bad;
  }
}

TEST(IpTest, BlocksKnowTheirNetwork) {
  EXPECT_EQ(ParseCidr("10.9.8.7/16")->Network().Text(), "10.9.0.0");
  EXPECT_TRUE(ParseCidr("10.9.8.7/16")->Contains(*ParseIp("10.9.255.1")));
  EXPECT_FALSE(ParseCidr("10.9.8.7/16")->Contains(*ParseIp("10.8.0.1")));
  EXPECT_FALSE(ParseCidr("::/0")->Contains(*ParseIp("10.8.0.1")));
  EXPECT_TRUE(ParseCidr("0.0.0.0/0")->Contains(*ParseIp("10.8.0.1")));
  EXPECT_EQ(ParseCidr("2001:db8::1/33")->Network().Text(), "2001:db8::");
  EXPECT_EQ(ParseCidr("10.0.0.0/00000000008")->Text(), "10.0.0.0/8");
  EXPECT_EQ(ParseCidr("::ffff:10.9.8.7/112")->Text(), "10.9.8.7/16");
  EXPECT_EQ(ParseCidr("::ffff:10.9.8.7/64")->Network().Text(), "::");
  for (const char* bad : {"10.0.0.0", "10.0.0.0/33", "::ffff:10.9.8.7/129", "::/129", "10.0.0.0/", "10.0.0.0/-1", "/8"}) {
    EXPECT_FALSE(ParseCidr(bad)) << bad;
  }
}

TEST(IpTest, StrictFieldsWantTheCanonicalForm) {
  EXPECT_THAT(StrictIpErrors("10.0.0.1"), IsEmpty());
  EXPECT_THAT(StrictIpErrors("010.0.0.1"), ElementsAre("must not have leading 0s"));
  EXPECT_THAT(StrictIpErrors("::ffff:1.2.3.4"),
              ElementsAre("must not be an IPv4-mapped IPv6 address"));
  EXPECT_THAT(StrictIpErrors("2001:DB8::1"),
              ElementsAre("must be in canonical form (\"2001:db8::1\")"));
  EXPECT_THAT(StrictIpErrors("x"),
              ElementsAre("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
  EXPECT_THAT(StrictCidrErrors("10.0.0.0/08"),
              ElementsAre("must not have leading 0s in IP or prefix length"));
  for (const char* mapped : {"::ffff:10.0.0.0/104", "::ffff:10.0.0.0/64"}) {
    EXPECT_THAT(StrictCidrErrors(mapped),
                ElementsAre("must not have an IPv4-mapped IPv6 address"));
  }
  EXPECT_THAT(StrictCidrErrors("10.0.0.1/8"),
              ElementsAre("must not have bits set beyond the prefix length"));
  EXPECT_THAT(StrictCidrErrors("2001:DB8::/64"),
              ElementsAre("must be in canonical form (\"2001:db8::/64\")"));
  EXPECT_THAT(LegacyIpErrors("010.0.0.1"), IsEmpty());
  EXPECT_THAT(LegacyCidrErrors("10.0.0.1/8"), IsEmpty());
}

TEST(IpTest, OldFieldsWarn) {
  const FieldPath path("f");
  EXPECT_THAT(LegacyIpWarnings(path, "010.0.0.1"),
              ElementsAre("f: non-standard IP address \"010.0.0.1\" will be considered invalid in "
                          "a future Kubernetes release: use \"10.0.0.1\""));
  EXPECT_THAT(LegacyIpWarnings(path, "FD00::1"),
              ElementsAre("f: IPv6 address \"FD00::1\" should be in RFC 5952 canonical format "
                          "(\"fd00::1\")"));
  EXPECT_THAT(LegacyCidrWarnings(path, "10.0.0.1/8"),
              ElementsAre("f: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be "
                          "\"10.0.0.0/8\" or \"10.0.0.1/32\"?)"));
  EXPECT_THAT(LegacyCidrWarnings(path, "10.0.0.0/8"), IsEmpty());
}

TEST(IpTest, EndpointsAreReachableFromOtherMachines) {
  const auto text = [](std::string_view ip) {
    Violations out;
    ValidateEndpointIp(ip, FieldPath("ip"), out);
    return out.empty() ? "" : out.Text();
  };
  EXPECT_EQ(text("10.1.2.3"), "");
  EXPECT_EQ(text("0.0.0.0"), "ip: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)");
  EXPECT_EQ(text("127.1.2.3"),
            "ip: Invalid value: \"127.1.2.3\": may not be in the loopback range (127.0.0.0/8, "
            "::1/128)");
  EXPECT_EQ(text("fe80::1"),
            "ip: Invalid value: \"fe80::1\": may not be in the link-local range (169.254.0.0/16, "
            "fe80::/10)");
  EXPECT_EQ(text("224.0.0.1"),
            "ip: Invalid value: \"224.0.0.1\": may not be in the link-local multicast range "
            "(224.0.0.0/24, ff02::/10)");
}

TEST(IpTest, GlobalUnicastIsOneThingOfTheNetwork) {
  for (const char* ip : {"10.1.2.3", "192.168.0.1", "8.8.8.8", "fd00::1", "2001:db8::1"}) {
    EXPECT_TRUE(IsGlobalUnicast(*ParseIp(ip))) << ip;
  }
  for (const char* ip : {"0.0.0.0", "127.0.0.1", "169.254.1.1", "239.1.1.1", "255.255.255.255",
                         "::", "::1", "fe80::1", "ff02::1"}) {
    EXPECT_FALSE(IsGlobalUnicast(*ParseIp(ip))) << ip;
  }
}

}  // namespace
}  // namespace skiff
