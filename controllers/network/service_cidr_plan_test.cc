#include "controllers/network/service_cidr_plan.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using networking_v1::ServiceCIDR;

ServiceCIDR CidrsOf(std::vector<std::string> prefixes) {
  ServiceCIDR object;
  object.spec.cidrs = std::move(prefixes);
  return object;
}

IpAddress AddressAt(const std::string& text) {
  return *ParseIp(text);
}

TEST(ServiceCidrPlan, ARangeGivesOutAllButItsOwnAddressAndTheBroadcast) {
  const ServiceCIDR object = CidrsOf({"10.0.0.0/24", "fd00::/120"});
  EXPECT_FALSE(GivesOut(object, AddressAt("10.0.0.0")));
  EXPECT_TRUE(GivesOut(object, AddressAt("10.0.0.1")));
  EXPECT_TRUE(GivesOut(object, AddressAt("10.0.0.254")));
  EXPECT_FALSE(GivesOut(object, AddressAt("10.0.0.255")));
  EXPECT_FALSE(GivesOut(object, AddressAt("10.0.1.1")));
  EXPECT_FALSE(GivesOut(object, AddressAt("fd00::")));
  EXPECT_TRUE(GivesOut(object, AddressAt("fd00::ff")));
}

TEST(ServiceCidrPlan, RangesOverlapWhenOneHoldsTheOther) {
  const ServiceCIDR object = CidrsOf({"10.0.0.0/24"});
  EXPECT_TRUE(Overlap(object, CidrsOf({"10.0.0.0/16"})));
  EXPECT_TRUE(Overlap(CidrsOf({"fd00::/64", "10.0.0.0/16"}), object));
  EXPECT_FALSE(Overlap(object, CidrsOf({"10.0.1.0/24"})));
}

TEST(ServiceCidrPlan, ARangeGoesWhenAllItsAddressesHaveAnother) {
  const ServiceCIDR object = CidrsOf({"10.0.0.0/24"});
  EXPECT_TRUE(CanGo(object, {}, {}));
  EXPECT_TRUE(CanGo(object, {}, {"10.0.1.7"})) << "not its own";
  EXPECT_FALSE(CanGo(object, {}, {"10.0.0.7"}));
  EXPECT_TRUE(CanGo(object, {CidrsOf({"10.0.0.0/16"})}, {"10.0.0.7"}));
  EXPECT_TRUE(CanGo(object, {CidrsOf({"10.0.0.0/28"})}, {"10.0.0.7"}));
  EXPECT_FALSE(CanGo(object, {CidrsOf({"10.0.0.0/28"})}, {"10.0.0.7", "10.0.0.77"}));
  EXPECT_FALSE(CanGo(object, {CidrsOf({"10.0.0.0/29"})}, {"10.0.0.7"}))
      << "the other's broadcast address";
}

TEST(ServiceCidrPlan, EachFamilyIsLookedAt) {
  const ServiceCIDR object = CidrsOf({"10.0.0.0/24", "fd00::/112"});
  const ServiceCIDR other = CidrsOf({"10.0.0.0/16"});
  EXPECT_TRUE(CanGo(object, {other}, {"10.0.0.7"}));
  EXPECT_FALSE(CanGo(object, {other}, {"10.0.0.7", "fd00::7"}));
}

}  // namespace
}  // namespace skiff
