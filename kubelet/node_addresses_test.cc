#include "kubelet/node_addresses.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace skiff::kubelet {
namespace {

using testing::ElementsAre;

// A machine whose default route leads by `best_`, and that has `all_`.
class KeptAddressesTest : public testing::Test {
 protected:
  std::vector<std::string> Later() {
    addresses_.Renew();
    return addresses_.Now();
  }
  void MoveTo(std::vector<std::string> addresses) { best_ = all_ = std::move(addresses); }

  std::vector<std::string> best_ = {"192.0.2.1"}, all_ = {"192.0.2.1"};
  KeptAddresses addresses_{best_,
                           {[this] { return best_; },
                            [this](const std::string& address) {
                              return std::count(all_.begin(), all_.end(), address) > 0;
                            }}};
};

TEST_F(KeptAddressesTest, OneThatHasGoneIsFollowedByTheNext) {
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
  MoveTo({"198.51.100.7"});
  EXPECT_THAT(Later(), ElementsAre("198.51.100.7"));
}

TEST_F(KeptAddressesTest, OneThatIsThereStaysAlthoughABetterLinkComesUp) {
  best_ = {"198.51.100.7"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
}

TEST_F(KeptAddressesTest, WithoutANetworkTheOldOnesCount) {
  MoveTo({"127.0.0.1"});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
  MoveTo({});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
}

TEST_F(KeptAddressesTest, AMachineThatBeganWithoutANetworkGetsOne) {
  MoveTo({"127.0.0.1"});
  KeptAddresses alone(best_, {[this] { return best_; }, [](const std::string&) { return true; }});
  MoveTo({"192.0.2.9"});
  alone.Renew();
  EXPECT_THAT(alone.Now(), ElementsAre("192.0.2.9"));
}

TEST_F(KeptAddressesTest, ASecondFamilyComesAndGoes) {
  best_ = all_ = {"192.0.2.1", "2001:db8::1"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
  best_ = {"198.51.100.7", "2001:db8::2"};
  all_ = {"198.51.100.7", "2001:db8::1", "2001:db8::2"};
  EXPECT_THAT(Later(), ElementsAre("198.51.100.7", "2001:db8::1"));
  MoveTo({"198.51.100.7"});
  EXPECT_THAT(Later(), ElementsAre("198.51.100.7"));
}

TEST_F(KeptAddressesTest, AFamilyThatNobodyReachesIsNotThePrimaryOne) {
  MoveTo({"192.0.2.1", "2001:db8::1"});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
  MoveTo({"127.0.0.1", "2001:db8::1"});
  EXPECT_THAT(Later(), ElementsAre("2001:db8::1"));
  MoveTo({"192.0.2.8", "2001:db8::1"});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.8", "2001:db8::1"));
}

TEST_F(KeptAddressesTest, AFamilyWithoutADefaultRouteStaysWhileTheMachineHasIt) {
  MoveTo({"192.0.2.1", "2001:db8::1"});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
  best_ = {"192.0.2.1"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
  best_ = {"127.0.0.1", "2001:db8::1"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
  best_ = {"2001:db8::1"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
}

TEST_F(KeptAddressesTest, TheOnlyOneGetsNoneOfTheOtherFamilyBesideIt) {
  best_ = {"2001:db8::1"};
  all_ = {"192.0.2.1", "2001:db8::1"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
  MoveTo({"2001:db8::1"});
  EXPECT_THAT(Later(), ElementsAre("2001:db8::1"));
}

TEST(AddressesMeantTest, UnspecifiedOnesAreTheMachinesOwn) {
  const OwnAddresses own{"192.0.2.1", "2001:db8::1"};
  EXPECT_THAT(AddressesMeant({}, own), ElementsAre("192.0.2.1"));
  EXPECT_THAT(AddressesMeant({"0.0.0.0"}, own), ElementsAre("192.0.2.1"));
  EXPECT_THAT(AddressesMeant({"::"}, own), ElementsAre("2001:db8::1"));
  EXPECT_THAT(AddressesMeant({"203.0.113.5", "2001:db8::7"}, own),
              ElementsAre("203.0.113.5", "2001:db8::7"));
}

TEST(AddressesMeantTest, WithoutThatFamilyItIsTheOther) {
  EXPECT_THAT(AddressesMeant({"::"}, {"192.0.2.1", ""}), ElementsAre("192.0.2.1"));
  EXPECT_THAT(AddressesMeant({"0.0.0.0"}, {"127.0.0.1", "2001:db8::1"}),
              ElementsAre("2001:db8::1"));
  EXPECT_THAT(AddressesMeant({"0.0.0.0"}, {"127.0.0.1", ""}), ElementsAre("127.0.0.1"));
  EXPECT_THAT(AddressesMeant({"::"}, {"127.0.0.1", ""}), ElementsAre("127.0.0.1"));
}

}  // namespace
}  // namespace skiff::kubelet
