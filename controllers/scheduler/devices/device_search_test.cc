#include "controllers/scheduler/devices/device_search.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/devices/device_fixture.h"

namespace skiff::scheduler {
namespace {

std::vector<resource_v1::Device> Gpus(int count) {
  std::vector<resource_v1::Device> devices;
  for (int i = 0; i < count; ++i) devices.push_back(DeviceNamed(fmt::format("gpu-{:02}", i)));
  return devices;
}

class DeviceSearchTest : public testing::Test {
 protected:
  void HasGpus(int count) { world_.AddSlice("a", {.node = "n1", .devices = Gpus(count)}); }
  static void Match(resource_v1::ResourceClaim& claim, const std::string& attribute,
                    const std::vector<std::string>& requests = {}) {
    auto& constraint = claim.spec.devices.constraints.emplace_back();
    constraint.match_attribute = attribute;
    constraint.requests = requests;
  }
  DeviceWorld world_;
};

TEST_F(DeviceSearchTest, TheFirstFreeDeviceIsTaken) {
  HasGpus(4);
  world_.AddClaim("c", {Wants("one"), Wants("two", 2)});
  EXPECT_EQ(world_.Search(), "c: one=gpu-00 two=gpu-01 two=gpu-02");
  EXPECT_EQ(world_.Search("n2"), "none") << "they are of n1";
  world_.Allocate("gpu-01");
  EXPECT_EQ(world_.Search(), "c: one=gpu-00 two=gpu-02 two=gpu-03");
  world_.Allocate("gpu-02");
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceSearchTest, PoolsAndSlicesHaveAnOrder) {
  world_.AddSlice("z", {.node = "n1", .pool = "a", .devices = {DeviceNamed("za")}});
  world_.AddSlice("b", {.node = "n1", .pool = "b", .slices = 2, .devices = {DeviceNamed("bb")}});
  world_.AddSlice("a", {.pool = "b", .slices = 2, .devices = {DeviceNamed("ab")}});
  world_.AddClaim("c", {Wants("x", 3)});
  EXPECT_EQ(world_.Search(), "c: x=za x=ab x=bb");
}

TEST_F(DeviceSearchTest, ClaimsOfOnePodShareNoDevice) {
  HasGpus(2);
  world_.AddClaim("c", {Wants("one")});
  world_.AddClaim("d", {Wants("one")});
  EXPECT_EQ(world_.Search(), "c: one=gpu-00; d: one=gpu-01");
  world_.AddClaim("e", {Wants("one")});
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceSearchTest, AnEarlierChoiceIsTakenBackForALaterRequest) {
  world_.AddSlice(
      "a", {.node = "n1", .devices = {DeviceNamed("good", {{"kind", "x"}}), DeviceNamed("plain")}});
  const std::string needs_kind = "has(device.attributes['gpu.io'].kind)";
  world_.AddClaim("c", {Wants("any"), Wants("kind", 1, needs_kind)});
  EXPECT_EQ(world_.Search(), "c: any=plain kind=good");
}

TEST_F(DeviceSearchTest, AClaimWithoutRequestsIsMetByNothing) {
  world_.AddClaim("c", {});
  EXPECT_EQ(world_.Search(), "c:");
}

TEST_F(DeviceSearchTest, ClassAndRequestSelect) {
  auto fast = DeviceNamed("fast");
  fast.attributes["speed"].int_ = 10;
  auto slow = DeviceNamed("slow");
  slow.attributes["speed"].int_ = 1;
  slow.capacity["memory"].value = *Quantity::Parse("8Gi");
  world_.AddSlice("a", {.node = "n1", .devices = {fast, slow}});
  world_.AddClass("slow", "device.attributes['gpu.io'].speed < 5");
  auto request = Wants("x");
  request.exactly->device_class_name = "slow";
  auto& claim = world_.AddClaim("c", {request});
  EXPECT_EQ(world_.Search(), "c: x=slow");
  claim.spec.devices.requests[0].exactly->selectors.emplace_back().cel.emplace().expression =
      "device.capacity['gpu.io'].memory.compareTo(quantity('16Gi')) >= 0";
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceSearchTest, WhatIsWrongWithAnExpressionIsSaid) {
  HasGpus(1);
  world_.AddClaim("c", {Wants("x", 1, "device.attributes['gpu.io'].speed > 1")});
  EXPECT_EQ(world_.Search(), "claim default/c: selector #0: CEL runtime error: no such key: speed");
  world_.AddClass("any", "nope");
  EXPECT_EQ(world_.Search(),
            "class any: selector #0: CEL compile error: compilation failed: ERROR: <input>:1:1: "
            "undeclared reference to 'nope' (in container '')\n | nope\n | ^");
}

// A device that somebody holds is not asked at all.
TEST_F(DeviceSearchTest, DevicesInUseAreNotAsked) {
  HasGpus(1);
  world_.Allocate("gpu-00");
  world_.AddClaim("c", {Wants("x", 1, "device.attributes['gpu.io'].speed > 1")});
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceSearchTest, AllMeansAllThatAreSelectedAndAtLeastOne) {
  world_.AddSlice("a", {.node = "n1",
                        .devices = {DeviceNamed("a", {{"kind", "x"}}), DeviceNamed("b"),
                                    DeviceNamed("c", {{"kind", "x"}})}});
  world_.AddClaim("c", {Wants("all", 0, "has(device.attributes['gpu.io'].kind)")});
  EXPECT_EQ(world_.Search(), "c: all=a all=c");
  EXPECT_EQ(world_.Search("n2"), "none");
  world_.Allocate("b");
  EXPECT_EQ(world_.Search(), "c: all=a all=c");
  world_.Allocate("c");
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceSearchTest, AllNeedsPoolsThatAreWhole) {
  HasGpus(1);
  world_.AddSlice("b", {.node = "n1", .pool = "part", .slices = 2, .devices = Gpus(1)});
  auto& claim = world_.AddClaim("c", {Wants("x", 0)});
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x: asks for all devices, but resource pool gpu.io/part is "
            "currently being updated");
  claim.spec.devices.requests = {Wants("x", 1)};
  EXPECT_EQ(world_.Search(), "c: x=gpu-00");
  world_.slices.pop_back();
  auto twice = Gpus(1);
  twice.push_back(twice[0]);
  world_.AddSlice("b", {.node = "n1", .pool = "wrong", .devices = twice});
  EXPECT_EQ(world_.Search(), "c: x=gpu-00");
  claim.spec.devices.requests = {Wants("x", 2)};
  EXPECT_EQ(world_.Search(), "invalid pools");
  claim.spec.devices.requests = {Wants("x", 0)};
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x: asks for all devices, but resource pool gpu.io/wrong is "
            "currently invalid");
}

TEST_F(DeviceSearchTest, AnAdministratorLooksOnDevicesOfOthers) {
  HasGpus(2);
  world_.Allocate("gpu-00");
  world_.Allocate("gpu-01");
  auto& claim = world_.AddClaim("c", {ForAdmin(Wants("x"))});
  EXPECT_EQ(world_.Search(), "c: x=gpu-00(admin)");
  claim.spec.devices.requests = {ForAdmin(Wants("x", 0))};
  EXPECT_EQ(world_.Search(), "c: x=gpu-00(admin) x=gpu-01(admin)");
  // But on each once in a claim.
  claim.spec.devices.requests = {ForAdmin(Wants("x", 2)), ForAdmin(Wants("y"))};
  EXPECT_EQ(world_.Search(), "none");
  world_.AddClaim("d", {ForAdmin(Wants("y"))});
  claim.spec.devices.requests.pop_back();
  EXPECT_EQ(world_.Search(), "c: x=gpu-00(admin) x=gpu-01(admin); d: y=gpu-00(admin)");
}

TEST_F(DeviceSearchTest, WhatAnAdministratorLooksOnIsFree) {
  HasGpus(1);
  world_.Allocate("gpu-00", /*for_admin=*/true);
  world_.AddClaim("c", {Wants("x")});
  EXPECT_EQ(world_.Search(), "c: x=gpu-00");
}

TEST_F(DeviceSearchTest, DevicesOfAConstraintHaveTheSameValue) {
  world_.AddSlice("a", {.node = "n1",
                        .devices = {DeviceNamed("none"), DeviceNamed("a0", {{"numa", "0"}}),
                                    DeviceNamed("b0", {{"numa", "1"}}),
                                    DeviceNamed("b1", {{"gpu.io/numa", "1"}})}});
  auto& claim = world_.AddClaim("c", {Wants("x"), Wants("y")});
  Match(claim, "gpu.io/numa");
  EXPECT_EQ(world_.Search(), "c: x=b0 y=b1");
  // Of one of the requests: the other may be any.
  claim.spec.devices.constraints[0].requests = {"x"};
  EXPECT_EQ(world_.Search(), "c: x=a0 y=none");
  claim.spec.devices.constraints[0].match_attribute = "other.io/numa";
  EXPECT_EQ(world_.Search(), "none");
}

TEST_F(DeviceSearchTest, ValuesOfDifferentSortsAreNotTheSame) {
  auto number = DeviceNamed("a");
  number.attributes["v"].int_ = 1;
  auto text = DeviceNamed("b", {{"v", "1"}});
  auto version = DeviceNamed("c");
  version.attributes["v"].version = "1.0.0";
  auto other_version = DeviceNamed("d");
  other_version.attributes["v"].version = "1.0.0";
  world_.AddSlice("a", {.node = "n1", .devices = {number, text, version, other_version}});
  Match(world_.AddClaim("c", {Wants("x", 2)}), "gpu.io/v");
  EXPECT_EQ(world_.Search(), "c: x=c x=d");
}

TEST_F(DeviceSearchTest, AConstraintThatForbidsSomeOfAllIsAMistake) {
  world_.AddSlice("a",
                  {.node = "n1", .devices = {DeviceNamed("a", {{"v", "0"}}), DeviceNamed("b")}});
  auto& claim = world_.AddClaim("c", {Wants("x", 0)});
  Match(claim, "gpu.io/v");
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x: cannot add device gpu.io/pool/b because a claim "
            "constraint would not be satisfied");
  claim.spec.devices.constraints[0].match_attribute.reset();
  EXPECT_EQ(world_.Search(),
            "claim default/c, constraint #0: empty constraint (unsupported "
            "constraint type?)");
}

TEST_F(DeviceSearchTest, TheFirstAlternativeThatCanBeHadIsTaken) {
  world_.AddSlice("a", {.node = "n1",
                        .devices = {DeviceNamed("small", {{"size", "s"}}),
                                    DeviceNamed("large", {{"size", "l"}})}});
  const std::string large = "device.attributes['gpu.io'].size == 'l'";
  auto& claim =
      world_.AddClaim("c", {WantsFirst("x", {Wants("large", 1, large), Wants("two", 2)})});
  EXPECT_EQ(world_.Search(), "c: x/large=large");
  world_.Allocate("large");
  EXPECT_EQ(world_.Search(), "none");
  claim.spec.devices.requests = {WantsFirst("x", {Wants("large", 1, large), Wants("one")})};
  EXPECT_EQ(world_.Search(), "c: x/one=small");
}

TEST_F(DeviceSearchTest, AnAlternativeIsGivenUpForTheSakeOfTheRest) {
  HasGpus(3);
  world_.AddClaim("c", {WantsFirst("x", {Wants("three", 3), Wants("two", 2)}), Wants("y")});
  EXPECT_EQ(world_.Search(), "c: x/two=gpu-00 x/two=gpu-01 y=gpu-02");
  world_.claims.clear();
  world_.AddClaim("c", {WantsFirst("x", {Wants("three", 3), Wants("one", 1)})});
  world_.AddClaim("d", {Wants("y", 2)});
  EXPECT_EQ(world_.Search(), "c: x/one=gpu-00; d: y=gpu-01 y=gpu-02");
}

// Whatever stands before it: each alternative asks for all devices of its own sort.
TEST_F(DeviceSearchTest, AlternativesMayBeForAllOfASort) {
  world_.AddSlice("a",
                  {.node = "n1",
                   .devices = {DeviceNamed("a", {{"size", "s"}}), DeviceNamed("b", {{"size", "l"}}),
                               DeviceNamed("c", {{"size", "s"}})}});
  const std::string huge = "device.attributes['gpu.io'].size == 'xl'";
  const std::string small = "device.attributes['gpu.io'].size == 's'";
  world_.AddClaim("c", {WantsFirst("x", {Wants("huge", 0, huge), Wants("small", 0, small)})});
  EXPECT_EQ(world_.Search(), "c: x/small=a x/small=c");
}

TEST_F(DeviceSearchTest, AConstraintMayNameAnAlternative) {
  world_.AddSlice("a", {.node = "n1",
                        .devices = {DeviceNamed("a", {{"v", "0"}}), DeviceNamed("b"),
                                    DeviceNamed("c", {{"v", "0"}})}});
  auto& claim = world_.AddClaim("c", {WantsFirst("x", {Wants("two", 2), Wants("one")})});
  Match(claim, "gpu.io/v", {"x/two"});
  EXPECT_EQ(world_.Search(), "c: x/two=a x/two=c");
  claim.spec.devices.constraints[0].requests = {"x/one"};
  EXPECT_EQ(world_.Search(), "c: x/two=a x/two=b");
  claim.spec.devices.constraints[0].requests = {"x"};
  EXPECT_EQ(world_.Search(), "c: x/two=a x/two=c");
}

TEST_F(DeviceSearchTest, AClaimHoldsNoMoreDevicesThanTheApiTakes) {
  HasGpus(70);
  auto& claim = world_.AddClaim("c", {Wants("x", 33)});
  EXPECT_EQ(world_.Search(),
            "claim default/c: number of requested devices 33 exceeds the claim limit of 32");
  claim.spec.devices.requests = {Wants("x", 0)};
  EXPECT_EQ(world_.Search(),
            "claim default/c: number of requested devices 70 exceeds the claim limit of 32");
  claim.spec.devices.requests = {Wants("x", INT64_MAX), Wants("y", INT64_MAX)};
  EXPECT_NE(world_.Search().find("exceeds the claim limit of 32"), std::string::npos);
  // Alternatives are weighed: the first of each, together, would be too many.
  const auto many_or_one = [](const std::string& name) {
    return WantsFirst(name, {Wants("many", 31), Wants("one", 1)});
  };
  claim.spec.devices.requests = {many_or_one("x"), many_or_one("y")};
  std::string expected = "c:";
  for (int i = 0; i < 31; ++i) expected += fmt::format(" x/many=gpu-{:02}", i);
  EXPECT_EQ(world_.Search(), expected + " y/one=gpu-31");
  claim.spec.devices.requests.push_back(many_or_one("z"));
  expected = "c: x/one=gpu-00";
  EXPECT_EQ(world_.Search().substr(0, expected.size()), expected);
}

TEST_F(DeviceSearchTest, AClassThatIsGoneIsMissed) {
  HasGpus(1);
  world_.classes.clear();
  world_.AddClaim("c", {Wants("x")});
  EXPECT_EQ(world_.Search(),
            "claim default/c, request x: could not retrieve device class any: "
            "deviceclass.resource.k8s.io \"any\" not found");
}

TEST_F(DeviceSearchTest, ASearchThatTakesTooLongIsGivenUp) {
  // Any two of many devices, none of which go together, and then one that is not there.
  auto devices = Gpus(40);
  world_.AddSlice("a", {.node = "n1", .devices = devices});
  world_.AddClaim("c", {Wants("x", 20), Wants("y", 1, "device.driver == 'none'")});
  int64_t asked = 0;
  const auto outcome = world_.Outcome("n1", [&] { return ++asked > 100000; });
  EXPECT_EQ(outcome.code, DeviceOutcome::Code::kGivenUp);
  EXPECT_TRUE(outcome.results.empty());
}

// The search keeps its place on no stack that could end.
TEST_F(DeviceSearchTest, ManyClaimsAreSearchedForAsFewAre) {
  world_.AddSlice("a", {.node = "n1", .devices = Gpus(128)});
  world_.AddClaim("one", {Wants("x")});
  for (int i = 0; i < 20000; ++i) world_.AddClaim("none", {});
  EXPECT_EQ(world_.Outcome("n1").code, DeviceOutcome::Code::kFound);
}

TEST_F(DeviceSearchTest, AnAllocationSaysWhereItCanBeReached) {
  world_.labels["n1"] = {{"zone", "z1"}, {"rack", "r1"}};
  world_.AddSlice("a", {.pool = "a", .devices = {DeviceNamed("everywhere")}});
  world_.AddSlice("b",
                  {.selected = {{"zone", "z1"}}, .pool = "b", .devices = {DeviceNamed("in-zone")}});
  world_.AddSlice("c", {.selected = {{"rack", "r1"}, {"zone", "z1"}},
                        .pool = "c",
                        .devices = {DeviceNamed("in-rack")}});
  world_.AddSlice("d", {.node = "n1", .pool = "d", .devices = {DeviceNamed("here")}});
  auto& claim = world_.AddClaim("c", {Wants("x", 1)});
  const auto reach = [&](int64_t count) {
    claim.spec.devices.requests[0].exactly->count = count;
    const auto outcome = world_.Outcome("n1");
    std::string text;
    if (!outcome.results.at(0).node_selector) return text;
    const auto& terms = outcome.results[0].node_selector->node_selector_terms;
    for (const auto& each : terms.at(0).match_fields) text += each.key + "=" + each.values[0] + " ";
    for (const auto& each : terms[0].match_expressions) {
      text += each.key + "=" + each.values[0] + " ";
    }
    return text;
  };
  EXPECT_EQ(reach(1), "");
  EXPECT_EQ(reach(2), "zone=z1 ");
  EXPECT_EQ(reach(3), "zone=z1 rack=r1 ");
  EXPECT_EQ(reach(4), "metadata.name=n1 ");
}

TEST_F(DeviceSearchTest, ClassesAndClaimsTellDriversWhatToDo) {
  HasGpus(3);
  const auto opaque = [](const std::string& driver) {
    resource_v1::OpaqueDeviceConfiguration config;
    config.driver = driver;
    return config;
  };
  world_.AddClass("any").spec.config.emplace_back().opaque = opaque("of-class");
  auto& claim = world_.AddClaim(
      "c", {Wants("x"), WantsFirst("y", {Wants("no", 9), Wants("yes")}), Wants("z")});
  const auto add = [&](const std::string& driver, const std::vector<std::string>& requests) {
    auto& config = claim.spec.devices.config.emplace_back();
    config.requests = requests;
    config.opaque = opaque(driver);
  };
  add("for-all", {});
  add("for-x-and-y", {"x", "y"});
  add("for-the-one-taken", {"y/yes"});
  add("for-the-one-not-taken", {"y/no"});
  const auto outcome = world_.Outcome("n1");
  std::string told;
  for (const auto& config : outcome.results.at(0).devices.config) {
    told += fmt::format("{} {} {}\n", config.source, config.opaque->driver,
                        fmt::join(config.requests, ","));
  }
  EXPECT_EQ(told,
            "FromClass of-class x,y/yes,z\n"
            "FromClaim for-all \n"
            "FromClaim for-x-and-y x,y\n"
            "FromClaim for-x-and-y x,y\n"
            "FromClaim for-the-one-taken y/yes\n");
}

}  // namespace
}  // namespace skiff::scheduler
