#include "kubelet/node_addresses.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace skiff::kubelet {
namespace {

using testing::ElementsAre;

// A machine whose default route leads by `best_`, and that has `all_`.
class NodeAddressesTest : public testing::Test {
 protected:
  std::vector<std::string> Later() {
    addresses_.Renew();
    return addresses_.Now();
  }
  void MoveTo(std::vector<std::string> addresses) { best_ = all_ = std::move(addresses); }

  std::vector<std::string> best_ = {"192.0.2.1"}, all_ = {"192.0.2.1"};
  NodeAddresses addresses_{best_,
                           {[this] { return best_; },
                            [this](const std::string& address) {
                              return std::count(all_.begin(), all_.end(), address) > 0;
                            }}};
};

TEST_F(NodeAddressesTest, OneThatHasGoneIsFollowedByTheNext) {
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
  MoveTo({"198.51.100.7"});
  EXPECT_THAT(Later(), ElementsAre("198.51.100.7"));
}

TEST_F(NodeAddressesTest, OneThatIsThereStaysAlthoughABetterLinkComesUp) {
  best_ = {"198.51.100.7"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
}

TEST_F(NodeAddressesTest, WithoutANetworkTheOldOnesCount) {
  MoveTo({"127.0.0.1"});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
  MoveTo({});
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1"));
}

TEST_F(NodeAddressesTest, AMachineThatBeganWithoutANetworkGetsOne) {
  MoveTo({"127.0.0.1"});
  NodeAddresses alone(best_, {[this] { return best_; }, [](const std::string&) { return true; }});
  MoveTo({"192.0.2.9"});
  alone.Renew();
  EXPECT_THAT(alone.Now(), ElementsAre("192.0.2.9"));
}

TEST_F(NodeAddressesTest, ASecondFamilyComesAndGoes) {
  best_ = all_ = {"192.0.2.1", "2001:db8::1"};
  EXPECT_THAT(Later(), ElementsAre("192.0.2.1", "2001:db8::1"));
  best_ = {"198.51.100.7", "2001:db8::2"};
  all_ = {"198.51.100.7", "2001:db8::1", "2001:db8::2"};
  EXPECT_THAT(Later(), ElementsAre("198.51.100.7", "2001:db8::1"));
  MoveTo({"198.51.100.7"});
  EXPECT_THAT(Later(), ElementsAre("198.51.100.7"));
}

TEST(AddressesMeantTest, UnspecifiedOnesAreTheMachinesOwn) {
  const OwnAddresses own{"192.0.2.1", "2001:db8::1"};
  EXPECT_THAT(AddressesMeant({}, own), ElementsAre("192.0.2.1"));
  EXPECT_THAT(AddressesMeant({"0.0.0.0"}, own), ElementsAre("192.0.2.1"));
  EXPECT_THAT(AddressesMeant({"::"}, own), ElementsAre("2001:db8::1"));
  EXPECT_THAT(AddressesMeant({"203.0.113.5", "::"}, own),
              ElementsAre("203.0.113.5", "2001:db8::1"));
  EXPECT_THAT(AddressesMeant({"0.0.0.0", "::"}, {"192.0.2.1", ""}), ElementsAre("192.0.2.1"));
}

}  // namespace
}  // namespace skiff::kubelet
