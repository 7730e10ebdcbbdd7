#include "cli/compose/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/kinds/behaviour.h"
#include "api/registry.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/rules.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"
#include "cli/object_size.h"

namespace skiff::cli::compose {
namespace {

// A part of a field's path, and what of a service says what stands there: the first that it has.
struct Origin {
  std::string_view part;
  std::vector<std::string_view> keys;
};
const std::vector<Origin>& Origins() {
  static const std::vector<Origin> kOrigins = {
      {".image", {"image"}},
      {".volumeMounts", {"volumes", "configs", "secrets", "tmpfs"}},
      {".volumes", {"volumes", "configs", "secrets", "tmpfs"}},
      {".volumeClaimTemplates", {"volumes"}},
      {".ports", {"ports", "expose"}},
      {".resources", {"deploy", "mem_limit", "cpus", "mem_reservation"}},
      {".readinessProbe", {"healthcheck"}},
      {".lifecycle", {"post_start", "pre_stop"}},
      {".workingDir", {"working_dir"}},
      {".command", {"entrypoint"}},
      {".args", {"command"}},
      {".hostAliases", {"extra_hosts"}},
      {".dns", {"dns", "dns_search", "dns_opt"}},
      {".hostname", {"hostname", "domainname"}},
      {".subdomain", {"domainname"}},
      {".terminationGracePeriodSeconds", {"stop_grace_period"}},
      {".runAsUser", {"user"}},
      {".runAsGroup", {"user"}},
      {".fsGroup", {"group_add"}},
      {".supplementalGroups", {"group_add"}},
      {".sysctls", {"sysctls"}},
      {".capabilities", {"cap_add", "cap_drop"}},
      {".securityContext", {"privileged", "security_opt"}},
      {".annotations", {"labels", "annotations", "deploy"}},
      {".affinity", {"deploy"}},
      {".topologySpreadConstraints", {"deploy"}},
      {".priorityClassName", {"deploy"}},
      {".replicas", {"scale", "deploy"}},
  };
  return kOrigins;
}

// "ITEMS[3].rest" -> 3, where `path` has "ITEMS[" somewhere; nullopt else.
std::optional<size_t> IndexIn(std::string_view path, std::string_view items) {
  const size_t at = path.find(std::string(items) + "[");
  if (at == path.npos) return std::nullopt;
  size_t index = 0;
  for (size_t i = at + items.size() + 1; i < path.size() && path[i] != ']'; ++i) {
    if (path[i] < '0' || path[i] > '9' || index > 100'000) return std::nullopt;
    index = index * 10 + static_cast<size_t>(path[i] - '0');
  }
  return index;
}

struct Said {
  const Node* node;
  std::string key;  // "services.web.image"
};

// What of the service a field of its workload comes from; of the variables, the one.
Said OriginOf(const std::string& name, const Node& service, const Json& object,
              const std::string& field) {
  const std::string path = "services." + name;
  if (field.find(".initContainers") != field.npos && service["pre_start"].Says()) {
    return {&service["pre_start"], path + ".pre_start"};
  }
  if (const auto index = IndexIn(field, ".env")) {
    const Json& containers = At(object, "spec", "template", "spec", "containers");
    const Json& variables = containers.empty() ? containers : At(containers[0], "env");
    const std::string variable =
        *index < variables.size() ? TextAt(variables[*index], "name") : std::string();
    const Node* node = service["environment"].Find(variable);
    return {node != nullptr ? node : &service, path + ".environment." + variable};
  }
  for (const Origin& origin : Origins()) {
    if (field.find(origin.part) == field.npos) continue;
    for (const std::string_view key : origin.keys) {
      if (service[key].Says()) return {&service[key], fmt::format("{}.{}", path, key)};
    }
  }
  return {&service, path};
}

// Of what is no service's: the volume, config or secret that is called so, or the whole project.
Said ResourceOrigin(const Project& project, const std::string& name) {
  for (const char* kind : {"volumes", "configs", "secrets", "networks"}) {
    for (const Member& member : project.root[kind].members) {
      if (ResourceName(project, member.node, member.key) != name) continue;
      return Said{&member.node, fmt::format("{}.{}", kind, member.key)};
    }
  }
  return {&project.root, project.name};
}

const KindInfo* KindOf(const Json& object) {
  const std::string api_version = TextAt(object, "apiVersion"), name = TextAt(object, "kind");
  const auto kinds = BuiltInKinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const KindInfo* kind) {
    return kind->api_version == api_version && kind->kind == name;
  });
  return found == kinds.end() ? nullptr : *found;
}

Violations WrongWith(Json object) {
  Violations out;
  const KindInfo* kind = KindOf(object);
  if (kind == nullptr) return out;
  // The server gives it these.
  object["metadata"]["namespace"] = "default";
  object["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000";
  const Rules& rules = *kind->behaviour->rules;
  const std::unique_ptr<void, void (*)(void*)> made(kind->type->ops->create(),
                                                    kind->type->ops->destroy);
  if (const auto read = FromJson(*kind->type, object, made.get()); !read) {
    out.Invalid(FieldPath("metadata"), Json(), read.error().message);
    return out;
  }
  const auto metadata = FromJson<meta_v1::ObjectMeta>(object["metadata"]);
  ValidateObjectMeta(*metadata, kind->namespaced, rules.validate_name, FieldPath("metadata"), out);
  if (rules.set_defaults) rules.set_defaults(made.get());
  if (rules.prepare_create) rules.prepare_create(made.get());
  if (rules.validate) rules.validate(made.get(), out);
  return out;
}

// The service that the object is of, as the files call it; "" for what several share.
std::string ServiceOf(const Project& project, const Json& object) {
  const std::string label = TextAt(object, "metadata", "labels", kServiceLabel);
  if (label.empty()) return "";
  for (const Member& member : project.root["services"].members) {
    if (LabelValue(member.key) == label) return member.key;
  }
  return "";
}

Said SaidOf(const Project& project, const Json& object, const std::string& field) {
  const std::string service = ServiceOf(project, object);
  const Node* node = project.root["services"].Find(service);
  return node != nullptr ? OriginOf(service, *node, object, field)
                         : ResourceOrigin(project, NameOf(object));
}

constexpr char kSmaller[] =
    "put what is large into files of `configs` or `secrets` (a million bytes each), into a volume, "
    "or into the image";

void JudgeSize(const Project& project, const Json& object, Mistakes& wrong) {
  const std::string json = object.dump();
  if (json.size() <= kObjectBytesMax) return;
  const auto protobuf = ProtobufOf(object, json);
  const size_t kept = protobuf ? protobuf->size() : json.size();
  const bool is_kept = kept <= kObjectBytesMax;
  if (is_kept && json.size() <= kRequestBytesMax) return;
  const size_t bytes = is_kept ? json.size() : kept;
  Said said = SaidOf(project, object, "");
  const Node& variables = (*said.node)["environment"];
  size_t of_variables = 0;
  for (const Member& each : variables.members) {
    of_variables += each.key.size() + each.node.Text().size();
  }
  std::string most;
  if (of_variables > bytes / 2) {
    said.node = &variables;
    said.key += ".environment";
    most = fmt::format(", {} of them variables (`env_file` counts)", of_variables);
  }
  wrong.Add(Wrong(*said.node,
                  fmt::format("{}: {} {} would have {} bytes{}, and a server {} {} at most: {}",
                              said.key, TextAt(object, "kind"), NameOf(object), bytes, most,
                              is_kept ? "takes requests of" : "keeps",
                              is_kept ? kRequestBytesMax : kObjectBytesMax, kSmaller)));
}

bool IsTooLarge(const Error& refused) {
  return refused.reason == Reason::kRequestEntityTooLarge ||
         refused.message.find("request is too large") != std::string::npos;
}

}  // namespace

void JudgeObjects(const Project& project, const Conversion& conversion, Mistakes& wrong) {
  for (const Json& object : conversion.Objects()) {
    JudgeSize(project, object, wrong);
    const Violations found = WrongWith(object);
    for (const Cause& cause : found.causes()) {
      const Said said = SaidOf(project, object, cause.field);
      wrong.Add(
          Wrong(*said.node, fmt::format("{}: {} ({} of {} {})", said.key, cause.message,
                                        cause.field, TextAt(object, "kind"), NameOf(object))));
    }
  }
}

void TellRefused(const Project& project, const Json& object, const Error& refused,
                 Mistakes& wrong) {
  const std::string field = refused.causes.empty() ? "" : refused.causes.front().field;
  const Said said = SaidOf(project, object, field);
  const std::string remedy = IsTooLarge(refused) ? std::string("; ") + kSmaller : "";
  wrong.Add(Wrong(*said.node, fmt::format("{}: {}{}", said.key, refused.message, remedy)));
}

}  // namespace skiff::cli::compose
