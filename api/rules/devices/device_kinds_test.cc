// Claims, their templates, slices and classes of devices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/gen/resource_v1.h"
#include "api/rules/devices/device_validation.h"
#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Json kClaim = Parsed(R"({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
    "spec": {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "c"}}]}}})");
const Json kTemplate = {{"apiVersion", "resource.k8s.io/v1"},
                        {"kind", "ResourceClaimTemplate"},
                        {"spec", {{"spec", kClaim["spec"]}}}};
const Json kSlice = Parsed(R"({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
    "spec": {"driver": "d.example.com", "nodeName": "n",
             "pool": {"name": "p", "resourceSliceCount": 1},
             "devices": [{"name": "one", "capacity": {"memory": {"value": "1Gi"}}}]}})");

TEST(ResourceClaimValidation, NamesAttributesWhole) {
  const auto with = [](const char* name) {
    const Json list = Json::array({{{"matchAttribute", name}}});
    return CreateErrors(With(kClaim, "/spec/devices/constraints", list));
  };
  const std::string whole = "a fully qualified name must be a domain and a name separated by a "
                            "slash";
  const Sentences empty = with("");
  ASSERT_EQ(empty.size(), 2u);
  EXPECT_THAT(empty[0], HasSubstr("a valid C identifier"));
  EXPECT_THAT(empty[1], HasSubstr(whole));
  EXPECT_EQ(with("x").size(), 1u);
  EXPECT_THAT(with("a.b/c"), IsEmpty());
}

TEST(ResourceClaimValidation, RequestsHaveTwoPartsAtMost) {
  const Json list =
      Json::array({{{"matchAttribute", "a.b/c"}, {"requests", Json::array({"/a/b"})}}});
  EXPECT_THAT(CreateErrors(With(kClaim, "/spec/devices/constraints", list)),
              ElementsAre("spec.devices.constraints[0].requests[0]: Invalid value: \"/a/b\": must "
                          "be the name of a request in the claim or the name of a request and a "
                          "subrequest separated by '/'"));
}

TEST(ResourceClaimValidation, ShowsItsSpecAsGoHoldsIt) {
  const Json old = Defaulted(kClaim);
  EXPECT_THAT(UpdateErrors(old, With(old, "/spec/devices/requests/0/name", "b")),
              ElementsAre("spec: Invalid value: {\"Devices\":{\"Requests\":[{\"Name\":\"b\","
                          "\"Exactly\":{\"DeviceClassName\":\"c\",\"Selectors\":null,"
                          "\"AllocationMode\":\"ExactCount\",\"Count\":1,\"AdminAccess\":null,"
                          "\"Tolerations\":null,\"Capacity\":null},\"FirstAvailable\":null}],"
                          "\"Constraints\":null,\"Config\":null}}: field is immutable"));
}

TEST(ResourceClaimStatus, IsAllocatedToNodesThatCanBeSelected) {
  const Json claim = Created(Parsed(R"({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
      "spec": {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "c"}}]}}})"));
  const Json selector = {
      {"nodeSelectorTerms", {{{"matchExpressions", {{{"key", "a"}, {"operator", "x"}}}}}}}};
  EXPECT_THAT(
      StatusErrors(claim, With(claim, "/status/allocation", {{"nodeSelector", selector}})),
      testing::ElementsAre(
          "status.allocation.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].operator: "
          "Invalid value: \"x\": not a valid selector operator"));
}

// The texts are those of kube-apiserver v1.35.6.
TEST(ResourceClaimStatus, TellsOfDevicesThatItHolds) {
  const Json claim = Created(kClaim);
  const Json device = {{"driver", "d.example.com"}, {"pool", "p"}, {"device", "one"}};
  Json result = device;
  result["request"] = "a";
  const Json allocation = {{"devices", {{"results", Json::array({result})}}}};
  const auto errors = [&](const Json& more) {
    Json told = device;
    told.update(more);
    return StatusErrors(
        claim,
        With(claim, "/status", {{"allocation", allocation}, {"devices", Json::array({told})}}));
  };
  EXPECT_THAT(errors({{"networkData", {{"ips", {"10.9.8.7/24", "2001:db8::1/64"}}}}}), IsEmpty());
  EXPECT_THAT(
      errors({{"networkData", {{"ips", {"1", "010.0.0.1/8", "10.0.0.1/8", "10.0.0.1/8"}}}}}),
      ElementsAre("status.devices[0].networkData.ips[0]: Invalid value: \"1\": must be a "
                  "valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)",
                  "status.devices[0].networkData.ips[1]: Invalid value: \"010.0.0.1/8\": "
                  "must be in canonical form (\"10.0.0.1/8\")",
                  "status.devices[0].networkData.ips[3]: Duplicate value: \"10.0.0.1/8\""));
  EXPECT_THAT(errors({{"networkData", {{"interfaceName", std::string(257, 'x')}}}}),
              ElementsAre("status.devices[0].networkData.interfaceName: Too long: may not be more "
                          "than 256 bytes"));
  EXPECT_THAT(errors({{"data", Json::array({1})}}),
              ElementsAre("status.devices[0].data: Invalid value: \"<value omitted>\": must be a "
                          "valid JSON object"));
  const Sentences conditions = errors({{"conditions", Json::array_t(9, Json::object())}});
  ASSERT_GT(conditions.size(), 1u) << "each is looked at as well";
  EXPECT_EQ(conditions[0], "status.devices[0].conditions: Too many: 9: must have at most 8 items");
  EXPECT_THAT(errors({{"shareID", "no UID"}}), IsEmpty()) << "shares are off in v1.35";
  const Json twice = {{"devices", Json::array({device, device})},
                      {"reservedFor", {{{"resource", "pods"}, {"name", "a"}, {"uid", "u"}}}}};
  const std::string shown = R"({"Driver":"d.example.com","Pool":"p","Device":"one","ShareID":""})";
  const std::string absent =
      ": Invalid value: " + shown + ": must be an allocated device in the claim";
  EXPECT_THAT(StatusErrors(claim, With(claim, "/status", twice)),
              ElementsAre("status.devices[0]" + absent, "status.devices[1]" + absent,
                          "status.devices[1]: Duplicate value: " + shown,
                          "status.reservedFor: Forbidden: may not be specified when `allocated` is "
                          "not set"));
}

TEST(ResourceClaimStatus, ManyDevicesAreNotHeldAgainstEachOther) {
  constexpr int kDevices = 8000;
  Json results = Json::array(), devices = Json::array();
  for (int i = 0; i < kDevices; ++i) {
    Json each = {{"driver", "d.example.com"}, {"pool", "p"}, {"device", std::to_string(i)}};
    devices.push_back(each);
    // The longest way to tell two apart is by their last part.
    each["device"] = std::to_string(i + kDevices);
    each["request"] = "a";
    results.push_back(std::move(each));
  }
  const Json claim = Created(kClaim);
  const Json told = With(
      claim, "/status",
      {{"allocation", {{"devices", {{"results", results}}}}}, {"devices", std::move(devices)}});
  EXPECT_THAT(StatusErrors(claim, told),
              ElementsAre("status.allocation.devices.results: Too many: 8000: must have at most "
                          "32 items"));
  resource_v1::ResourceClaimStatus status;
  status.allocation.emplace().devices.results.resize(2);
  status.allocation->devices.results[1].share_id = "";
  const HeldDevices held(status);
  resource_v1::AllocatedDeviceStatus device;
  EXPECT_TRUE(held.Has(device));
  device.share_id = "";
  EXPECT_TRUE(held.Has(device));
  device.share_id = "s";
  EXPECT_FALSE(held.Has(device)) << "of another share";
  device.share_id.reset();
  device.driver = "d";
  EXPECT_FALSE(held.Has(device));
}

TEST(ResourceClaimTemplateValidation, SetsNoMoreThanLabelsAndAnnotations) {
  const auto with = [](const char* field, const Json& value) {
    return CreateErrors(With(kTemplate, std::string("/spec/metadata/") + field, value));
  };
  EXPECT_THAT(with("labels", {{"a", "b"}}), IsEmpty());
  EXPECT_THAT(with("uid", "u"), ElementsAre("spec.metadata.uID: Forbidden: cannot be set"));
  EXPECT_THAT(with("selfLink", "u"),
              ElementsAre("spec.metadata.selfLink: Forbidden: cannot be set"));
  EXPECT_THAT(with("generation", 1),
              ElementsAre("spec.metadata.generation: Forbidden: cannot be set"));
  EXPECT_THAT(with("deletionGracePeriodSeconds", 1),
              ElementsAre("spec.metadata.deletionGracePeriodSeconds: Forbidden: cannot be set"));
  EXPECT_THAT(with("creationTimestamp", "2020-01-01T00:00:00Z"),
              ElementsAre("spec.metadata.creationTimestamp: Forbidden: cannot be set"));
}

// A template that changes is looked at as well.
TEST(ResourceClaimTemplateValidation, SaysAllThatIsWrongWithAnUpdate) {
  const Json old = Defaulted(kTemplate);
  const Sentences errors = UpdateErrors(old, With(old, "/spec/metadata/name", "x"));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0], "spec.metadata.name: Forbidden: cannot be set");
  EXPECT_THAT(errors[1], testing::StartsWith("spec: Invalid value: {\"name\":\"x\",\"Spec\":"));
}

TEST(ResourceSliceValidation, AttributesHaveOneValue) {
  EXPECT_THAT(CreateErrors(With(kSlice, "/spec/devices/0/attributes/a",
                                {{"int", 2}, {"string", "x"}})),
              ElementsAre("spec.devices[0].attributes[a]: Invalid value: {\"IntValue\":2,"
                          "\"BoolValue\":null,\"StringValue\":\"x\",\"VersionValue\":null}: "
                          "exactly one value must be specified"));
}

TEST(ResourceSliceValidation, VersionsAreSemantic) {
  const auto errors = [](const char* version) {
    return CreateErrors(With(kSlice, "/spec/devices/0/attributes/a", {{"version", version}}));
  };
  for (const char* good : {"1.0.0", "1.0.0-0", "1.0.0-01a.x-y", "1.0.0+01", "1.0.0-a+b-c.0"}) {
    EXPECT_THAT(errors(good), IsEmpty()) << good;
  }
  for (const char* bad : {"1.0", "01.0.0", "1.0.0-01", "1.0.0-a..b", "1.0.0-", "1.0.0+",
                          "1.0.0+a+b", "1.0.0-a.00+b"}) {
    EXPECT_EQ(errors(bad).size(), 1u) << bad;
  }
}

TEST(ResourceSliceValidation, LongKeysLoseTheirMiddle) {
  const std::string name(100, 'x');
  EXPECT_THAT(CreateErrors(With(kSlice, "/spec/devices/0/attributes/" + name, {{"int", 1}})),
              ElementsAre("spec.devices[0].attributes[" + std::string(47, 'x') + "..." +
                          std::string(46, 'x') + "]: Too long: may not be more than 32 bytes"));
}

TEST(ResourceSliceValidation, StaysOnItsNode) {
  const Sentences errors = UpdateErrors(kSlice, With(kSlice, "/spec/nodeName", " x"));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0], "spec.nodeName: Invalid value: \" x\": field is immutable");
}

TEST(ResourceSliceValidation, SelectsNodesByLabels) {
  Json slice = kSlice;
  slice["spec"].erase("nodeName");
  slice["spec"]["nodeSelector"] = Parsed(R"({"nodeSelectorTerms": [
      {"matchExpressions": [{"key": "a b", "operator": "Exists"}]}]})");
  const Sentences errors = CreateErrors(slice);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("nodeSelectorTerms[0].matchExpressions[0].key: Invalid value"));
}

TEST(ResourceSliceValidation, CapacityHasNoPolicyOfRequests) {
  const Json made = Created(With(kSlice, "/spec/devices/0/capacity/memory/requestPolicy",
                                 {{"default", "1Gi"}}));
  EXPECT_EQ(made["spec"]["devices"][0]["capacity"]["memory"], Parsed(R"({"value": "1Gi"})"));
}

// Blanks in a driver's own parameters are lost when they are stored, and are no change.
TEST(DeviceConfiguration, BlanksAreNoChange) {
  Box<resource_v1::OpaqueDeviceConfiguration> config;
  CompactParameters(config);
  EXPECT_FALSE(config);
  config.emplace().parameters = RawJson::FromText(R"({ "a b" : "\" x", "c":[1, 2] })");
  CompactParameters(config);
  EXPECT_EQ(config->parameters.Text(), R"({"a b":"\" x","c":[1,2]})");
}

}  // namespace
}  // namespace skiff
