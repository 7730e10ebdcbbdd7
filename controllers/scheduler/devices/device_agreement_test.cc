// What v1.35's own allocator answers with its default feature gates, case by case. Of each sort of
// question that its tests ask there is one here, in our words; other tests of this folder have the
// rest.
#include <gtest/gtest.h>

#include "controllers/scheduler/devices/device_fixture.h"

namespace skiff::scheduler {
namespace {

constexpr char kOther[] = "nic.io";

class DeviceAgreementTest : public testing::Test {
 protected:
  DeviceAgreementTest() {
    world_.AddClass("gpu", "device.driver == 'gpu.io'");
    world_.AddClass("nic", "device.driver == 'nic.io'");
  }
  // Of a class; 0: all of it.
  static resource_v1::DeviceRequest Of(const std::string& of, const std::string& name,
                                       int64_t count = 1, const std::string& expression = "") {
    auto request = Wants(name, count, expression);
    request.exactly->device_class_name = of;
    return request;
  }
  static resource_v1::Device WithMemory(const std::string& name, const std::string& memory) {
    auto device = DeviceNamed(name);
    device.capacity["memory"].value = *Quantity::Parse(memory);
    return device;
  }
  static std::string AtLeast(const std::string& memory) {
    return "device.capacity['gpu.io'].memory.compareTo(quantity('" + memory + "')) >= 0";
  }
  static std::vector<resource_v1::Device> Many(const std::string& prefix, int count) {
    std::vector<resource_v1::Device> devices;
    for (int i = 0; i < count; ++i) {
      devices.push_back(DeviceNamed(fmt::format("{}{:02}", prefix, i)));
    }
    return devices;
  }
  // " x=g00 x=g01"
  static std::string Taken(const std::string& request, const std::string& prefix, int from,
                           int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += fmt::format(" {}={}{:02}", request, prefix, i);
    return text;
  }
  void HasGpus(const std::vector<resource_v1::Device>& devices) {
    world_.AddSlice("a", {.node = "n1", .pool = "pool", .devices = devices});
  }
  void HasNics(const std::vector<resource_v1::Device>& devices) {
    world_.AddSlice("b", {.node = "n1", .driver = kOther, .pool = "nics", .devices = devices});
  }
  static void Match(resource_v1::ResourceClaim& claim, const std::string& attribute,
                    const std::vector<std::string>& requests = {}) {
    auto& constraint = claim.spec.devices.constraints.emplace_back();
    constraint.match_attribute = attribute;
    constraint.requests = requests;
  }
  DeviceWorld world_;
};

TEST_F(DeviceAgreementTest, DriversAreToldApart) {
  HasGpus({DeviceNamed("g0"), DeviceNamed("g1")});
  HasNics({DeviceNamed("g0")});
  world_.AddClaim("c", {Of("gpu", "x")});
  world_.AddClaim("d", {Of("nic", "x")});
  EXPECT_EQ(world_.Search(), "c: x=g0; d: x=g0") << "names are of a driver's pool";
  world_.Allocate("g0");
  EXPECT_EQ(world_.Search(), "c: x=g1; d: x=g0") << "so is what is allocated";
}

TEST_F(DeviceAgreementTest, ALargeDeviceIsLeftToWhoNeedsOne) {
  HasGpus({WithMemory("large", "2Gi"), WithMemory("small", "1Gi")});
  world_.AddClaim("c", {Of("gpu", "x", 1, AtLeast("1Gi"))});
  world_.AddClaim("d", {Of("gpu", "x", 1, AtLeast("2Gi"))});
  EXPECT_EQ(world_.Search(), "c: x=small; d: x=large") << "of another claim, too";
}

TEST_F(DeviceAgreementTest, AllOfOneClassLeaveOthersAlone) {
  HasGpus({DeviceNamed("g0"), DeviceNamed("g1")});
  HasNics({DeviceNamed("n0")});
  world_.AddClaim("c", {Of("gpu", "x", 0)});
  world_.AddClaim("d", {Of("nic", "x")});
  EXPECT_EQ(world_.Search(), "c: x=g0 x=g1; d: x=n0");
  std::swap(world_.claims[0], world_.claims[1]);
  EXPECT_EQ(world_.Search(), "d: x=n0; c: x=g0 x=g1");
}

TEST_F(DeviceAgreementTest, AllAndOneMoreOfTheSameCannotBeHad) {
  HasGpus({DeviceNamed("g0")});
  world_.AddClaim("c", {Of("gpu", "x", 0)});
  world_.AddClaim("d", {Of("gpu", "x")});
  EXPECT_EQ(world_.Search(), "none");
  std::swap(world_.claims[0], world_.claims[1]);
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceAgreementTest, AllOfNothingIsNothing) {
  world_.AddClaim("c", {Of("gpu", "x", 0)});
  EXPECT_EQ(world_.Search(), "none");
  HasGpus({});
  EXPECT_EQ(world_.Search(), "none");
  // Then the next alternative is as good.
  HasNics({DeviceNamed("n0")});
  world_.claims.clear();
  world_.AddClaim("c", {WantsFirst("x", {Of("gpu", "all", 0), Of("nic", "one")})});
  EXPECT_EQ(world_.Search(), "c: x/one=n0");
}

TEST_F(DeviceAgreementTest, AllIsAnAlternativeAmongOthers) {
  HasGpus({DeviceNamed("g0"), DeviceNamed("g1")});
  auto& claim = world_.AddClaim("c", {WantsFirst("x", {Of("gpu", "all", 0), Of("gpu", "one")})});
  EXPECT_EQ(world_.Search(), "c: x/all=g0 x/all=g1");
  world_.Allocate("g0");
  EXPECT_EQ(world_.Search(), "c: x/one=g1");
  world_.allocated = DeviceSet();
  claim.spec.devices.requests.insert(claim.spec.devices.requests.begin(), Of("gpu", "first"));
  EXPECT_EQ(world_.Search(), "c: first=g0 x/one=g1") << "one of them is taken";
}

TEST_F(DeviceAgreementTest, AnAdministratorsClaimLooksOnEachDeviceOnce) {
  HasGpus({DeviceNamed("g0"), DeviceNamed("g1")});
  world_.AddClaim("c", {ForAdmin(Of("gpu", "x")), ForAdmin(Of("gpu", "all", 0))});
  EXPECT_EQ(world_.Search(), "none");
  world_.claims.clear();
  world_.AddClaim("c", {Of("gpu", "x")});
  world_.AddClaim("d", {ForAdmin(Of("gpu", "x"))});
  EXPECT_EQ(world_.Search(), "c: x=g0; d: x=g0(admin)");
  std::swap(world_.claims[0], world_.claims[1]);
  // It is not free while it is looked on: the other one goes elsewhere.
  EXPECT_EQ(world_.Search(), "d: x=g0(admin); c: x=g1");
}

TEST_F(DeviceAgreementTest, EachSortOfValueIsCompared) {
  const auto device = [](const std::string& name, int64_t number, bool flag,
                         const std::string& text, const std::string& version) {
    auto made = DeviceNamed(name, {{"text", text}});
    made.attributes["number"].int_ = number;
    made.attributes["flag"].bool_ = flag;
    made.attributes["version"].version = version;
    return made;
  };
  HasGpus({device("a", 1, true, "s", "1.0.0"), device("b", 2, false, "t", "2.0.0")});
  for (const char* attribute : {"number", "flag", "text", "version", "none"}) {
    world_.claims.clear();
    Match(world_.AddClaim("c", {Of("gpu", "x", 2)}), std::string("gpu.io/") + attribute);
    EXPECT_EQ(world_.Search(), "none") << attribute;
  }
  world_.slices.clear();
  HasGpus({device("a", 1, true, "s", "1.0.0"), device("b", 1, true, "s", "1.0.0")});
  auto& claim = world_.AddClaim("d", {Of("gpu", "x"), Of("gpu", "y")});
  world_.claims.erase(world_.claims.begin());
  for (const char* attribute : {"number", "flag", "text", "version"}) {
    Match(claim, std::string("gpu.io/") + attribute);
  }
  EXPECT_EQ(world_.Search(), "d: x=a y=b");
}

// The first constraint takes it, the second one not: it is then in neither.
TEST_F(DeviceAgreementTest, WhatOneOfTwoConstraintsForbidsIsTakenOutOfBoth) {
  HasGpus({DeviceNamed("a", {{"v", "1"}, {"w", "a"}}), DeviceNamed("b", {{"v", "2"}, {"w", "b"}}),
           DeviceNamed("c", {{"v", "3"}, {"w", "b"}})});
  auto& claim = world_.AddClaim("c", {Of("gpu", "x"), Of("gpu", "y")});
  Match(claim, "gpu.io/v", {"x"});
  Match(claim, "gpu.io/w");
  EXPECT_EQ(world_.Search(), "c: x=b y=c");
}

TEST_F(DeviceAgreementTest, ConstraintsNameRequestsOrTheirAlternatives) {
  auto large = WithMemory("large", "8Gi");
  auto middle = WithMemory("middle", "2Gi");
  auto small = WithMemory("small", "1Gi");
  large.attributes["v"].version = small.attributes["v"].version = "1.0.0";
  middle.attributes["v"].version = "2.0.0";
  HasGpus({large, middle, small});
  auto& claim = world_.AddClaim(
      "c",
      {Of("gpu", "x", 1, AtLeast("8Gi")),
       WantsFirst("y", {Of("gpu", "m", 1, AtLeast("2Gi")), Of("gpu", "s", 1, AtLeast("1Gi"))})});
  Match(claim, "gpu.io/v", {"x", "y"});
  EXPECT_EQ(world_.Search(), "c: x=large y/s=small");
  claim.spec.devices.constraints[0].requests = {"x", "y/m"};
  EXPECT_EQ(world_.Search(), "c: x=large y/s=middle") << "of the other one nothing is said";
}

TEST_F(DeviceAgreementTest, AlternativesAreWeighedWithWhatStandsBesideThem) {
  HasGpus({WithMemory("large", "8Gi"), WithMemory("small", "4Gi")});
  const auto wants = Of("gpu", "x", 1, AtLeast("8Gi"));
  const auto either =
      WantsFirst("y", {Of("gpu", "l", 1, AtLeast("8Gi")), Of("gpu", "s", 1, AtLeast("4Gi"))});
  auto& claim = world_.AddClaim("c", {wants, either});
  EXPECT_EQ(world_.Search(), "c: x=large y/s=small");
  claim.spec.devices.requests = {either, wants};
  EXPECT_EQ(world_.Search(), "c: y/s=small x=large");
  claim.spec.devices.requests = {WantsFirst("y", {Of("nic", "two", 2), Of("gpu", "three", 3)})};
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceAgreementTest, TheLimitOfAClaimIsKeptWhateverIsChosen) {
  HasGpus(Many("g", 64));
  HasNics(Many("n", 2));
  auto& claim = world_.AddClaim("c", {Of("gpu", "x", 32)});
  EXPECT_EQ(world_.Search(), "c:" + Taken("x", "g", 0, 32));
  claim.spec.devices.requests = {Of("gpu", "x", 32), Of("gpu", "y")};
  EXPECT_EQ(world_.Search(),
            "claim default/c: number of requested devices 33 exceeds the claim limit of 32");
  claim.spec.devices.requests = {WantsFirst("x", {Of("nic", "many", 500), Of("gpu", "one")})};
  EXPECT_EQ(world_.Search(), "c: x/one=g00");
  const std::vector<resource_v1::DeviceRequest> either = {Of("gpu", "all", 32),
                                                          Of("gpu", "half", 16)};
  claim.spec.devices.requests = {WantsFirst("x", either), WantsFirst("y", either)};
  EXPECT_EQ(world_.Search(), "c:" + Taken("x/half", "g", 0, 16) + Taken("y/half", "g", 16, 32));
  world_.slices.erase(world_.slices.begin());
  HasGpus(Many("g", 31));
  claim.spec.devices.requests = {WantsFirst("x", {Of("gpu", "all", 0), Of("gpu", "two", 2)}),
                                 Of("nic", "y", 2)};
  EXPECT_EQ(world_.Search(), "c: x/two=g00 x/two=g01 y=n00 y=n01");
}

TEST_F(DeviceAgreementTest, WhatIsAskedInANewerWayIsRefused) {
  HasGpus({DeviceNamed("g0")});
  auto& claim = world_.AddClaim("c", {Of("gpu", "x")});
  auto& exactly = *claim.spec.devices.requests[0].exactly;
  exactly.selectors.emplace_back();
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x, selector #0: CEL expression empty (unsupported selector "
            "type?)");
  world_.slices.clear();
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x, selector #0: CEL expression empty (unsupported selector "
            "type?)")
      << "whatever devices there are";
  exactly.selectors.clear();
  exactly.allocation_mode = "future-mode";
  EXPECT_EQ(world_.Search(), "claim default/c, request x: unsupported count mode future-mode");
  exactly.device_class_name = "";
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x: missing device class name (unsupported request type?)");
}

TEST_F(DeviceAgreementTest, OfFeaturesThatAreOffSomeKeepDevicesBackAndSomeDoNot) {
  auto counted = DeviceNamed("counted");
  counted.consumes_counters.emplace_back().counter_set = "set";
  auto bound = DeviceNamed("bound");
  bound.binding_conditions = {"Ready"};
  auto tainted = DeviceNamed("tainted");
  auto& taint = tainted.taints.emplace_back();
  taint.key = "broken";
  taint.effect = "NoExecute";
  HasGpus({counted, bound, tainted});
  auto& claim = world_.AddClaim("c", {Of("gpu", "x")});
  EXPECT_EQ(world_.Search(), "c: x=tainted");
  claim.spec.devices.requests = {Of("gpu", "x", 2)};
  EXPECT_EQ(world_.Search(), "none");
  claim.spec.devices.requests = {Of("gpu", "x", 0)};
  EXPECT_EQ(world_.Search(), "none") << "the one with counters is one of all";
  world_.slices.clear();
  HasGpus({bound, tainted});
  EXPECT_EQ(world_.Search(), "c: x=tainted");
}

TEST_F(DeviceAgreementTest, OfAPoolOfTwoNodesEachHasItsOwn) {
  world_.AddSlice("a", {.node = "n2", .slices = 2, .devices = {DeviceNamed("g1")}});
  world_.AddSlice("b", {.node = "n1", .slices = 2, .devices = {DeviceNamed("g2")}});
  auto& claim = world_.AddClaim("c", {Of("gpu", "x")});
  EXPECT_EQ(world_.Search("n1"), "c: x=g2");
  EXPECT_EQ(world_.Search("n2"), "c: x=g1");
  claim.spec.devices.requests = {Of("gpu", "x", 0)};
  EXPECT_EQ(world_.Search("n1"), "c: x=g2");
}

// A node goes by its own slices: one of a newer generation that is of another node tells it nothing
// as long as its own are all there.
TEST_F(DeviceAgreementTest, APoolThatMovesFromNodeToNodeIsWhereItIsWhole) {
  const auto add = [&](const char* name, const char* node, int64_t generation, const char* device) {
    world_.AddSlice(
        name,
        {.node = node, .generation = generation, .slices = 2, .devices = {DeviceNamed(device)}});
  };
  world_.AddClaim("c", {Of("gpu", "x")});
  add("a", "n1", 1, "g1");
  EXPECT_EQ(world_.Search("n1"), "none") << "one is missing";
  add("b", "n1", 1, "g2");
  add("c", "n2", 2, "g1");
  EXPECT_EQ(world_.Search("n1"), "c: x=g1");
  EXPECT_EQ(world_.Search("n2"), "none") << "one is missing";
  add("d", "n2", 2, "g2");
  EXPECT_EQ(world_.Search("n1"), "c: x=g1");
  EXPECT_EQ(world_.Search("n2"), "c: x=g1");
}

TEST_F(DeviceAgreementTest, ANewerGenerationThatIsNotWholeReplacesTheOldOneAllTheSame) {
  world_.AddSlice("a", {.node = "n1", .generation = 1, .devices = {DeviceNamed("g1")}});
  world_.AddSlice("b",
                  {.node = "n1", .generation = 2, .slices = 2, .devices = {DeviceNamed("g2")}});
  world_.AddClaim("c", {Of("gpu", "x")});
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceAgreementTest, APoolThatIsWrongIsToldOfWhereNoOtherHasDevices) {
  for (const char* name : {"a", "b"}) {
    world_.AddSlice(name,
                    {.node = "n1", .pool = "wrong", .slices = 2, .devices = {DeviceNamed("g1")}});
  }
  world_.AddSlice("c", {.node = "n1", .devices = {DeviceNamed("g2")}});
  world_.AddClaim("c", {Of("gpu", "x")});
  EXPECT_EQ(world_.Search(), "c: x=g2");
  world_.Allocate("g2");
  EXPECT_EQ(world_.Search(), "invalid pools");
}

}  // namespace
}  // namespace skiff::scheduler
