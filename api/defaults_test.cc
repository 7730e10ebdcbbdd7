#include "api/defaults.h"

#include <gtest/gtest.h>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/sample_document.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

TEST(Defaults, FillWhatIsUnsetInStructuresThatAreThere) {
  Json pod = *Normalize(core_v1::Pod::Describe(), *ParseJson(R"({"spec": {
      "containers": [{"name": "c", "ports": [{"containerPort": 80},
                      {"containerPort": 53, "protocol": "UDP"}],
                      "livenessProbe": {"grpc": {"port": 1}}}],
      "volumes": [{"name": "d", "azureDisk": {"diskName": "n", "diskURI": "u", "readOnly": true}},
                  {"name": "r", "rbd": {"monitors": ["m"], "image": "i"}}]}})"));
  ApplyDefaults(core_v1::Pod::Describe(), pod);
  const Json& spec = pod["spec"];
  EXPECT_EQ(spec["containers"][0]["ports"], *ParseJson(R"([{"containerPort": 80, "protocol": "TCP"},
                           {"containerPort": 53, "protocol": "UDP"}])"));
  EXPECT_EQ(spec["containers"][0]["livenessProbe"]["grpc"],
            *ParseJson(R"({"port": 1, "service": ""})"));
  EXPECT_EQ(spec["volumes"][0]["azureDisk"],
            *ParseJson(R"({"diskName": "n", "diskURI": "u", "cachingMode": "ReadWrite",
                           "fsType": "ext4", "readOnly": true, "kind": "Shared"})"));
  EXPECT_EQ(spec["volumes"][1]["rbd"]["pool"], "rbd");
  EXPECT_FALSE(spec["volumes"][1].contains("iscsi"));
}

TEST(Defaults, DoNothingTheSecondTimeNorToNormalForm) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct) continue;
    Json zero = ZeroDocument(*type);
    ApplyDefaults(*type, zero);
    Json again = zero;
    ApplyDefaults(*type, again);
    EXPECT_EQ(again, zero) << type->name;
    EXPECT_EQ(*Normalize(*type, zero), zero) << type->name;
    const Json sample = SampleDocument(*type, 1);
    Json filled = sample;
    ApplyDefaults(*type, filled);
    EXPECT_EQ(filled, sample) << type->name;
  }
}

}  // namespace
}  // namespace skiff
