#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"head", &Head},
    {"route", &Route},
    {"http2", &Http2},
    {"spdy", &Spdy},
    {"websocket", &WebSocket},
    {"json", &JsonText},
    {"structs", &Structs},
    {"yaml", &Yaml},
    {"protobuf", &Protobuf},
    {"json_patch", &JsonPatchText},
    {"merge_patch", &MergePatchText},
    {"strategic_patch", &StrategicPatch},
    {"apply", &ApplyPatch},
    {"labels", &Labels},
    {"fields", &Fields},
    {"cel", &Cel},
    {"schema", &SchemaText},
    {"custom", &CustomText},
    {"conversion", &Conversion},
    {"admission", &Admission},
    {"options", &Options},
    {"values", &Values},
    {"json_path", &JsonPathText},
    {"go_template", &GoTemplateText},
    {"tokens", &Tokens},
    {"certificate", &Certificate},
    {"signing_request", &SigningRequest},
    {"kubeconfig", &KubeconfigText},
    {"discovery", &Discovery},
    {"proxied_links", &ProxiedLinks},
    {"dns_query", &DnsQuery},
    {"dns_answer", &DnsAnswer},
    {"compose", &Compose},
    {"env_file", &EnvFile},
    {"archive", &Archive},
    {"records", &Records},
};

}  // namespace

std::span<const Target> Targets() {
  return kTargets;
}

const Target* FindTarget(std::string_view name) {
  for (const Target& target : kTargets) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace skiff::fuzz
