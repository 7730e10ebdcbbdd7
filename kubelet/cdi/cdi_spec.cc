#include "kubelet/cdi/cdi_spec.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "api/text/yaml.h"

namespace skiff::kubelet::cdi {
namespace {

constexpr const char* kVersions[] = {"0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0",
                                     "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"};
// What of containerEdits a runtime is not told of by CRI.
constexpr const char* kRefused[] = {"hooks", "intelRdt", "netDevices"};

bool IsSet(const Json& value) {
  return !value.is_null() && !((value.is_array() || value.is_object()) && value.empty());
}

// The object with its keys as they are known here. Like the readers of others it takes them in any
// case, and none that is unknown: it may be something that a newer version asks for.
Result<Json> Known(const Json& object, const std::vector<const char*>& keys) {
  Json known = Json::object();
  for (const auto& [key, value] : object.items()) {
    const auto is_it = [&, &name = key](const char* each) {
      return strcasecmp(each, name.c_str()) == 0;
    };
    const auto found = std::find_if(keys.begin(), keys.end(), is_it);
    if (found == keys.end()) {
      return Fail(Reason::kInvalid, fmt::format("unknown field \"{}\"", key));
    }
    known[*found] = value;
  }
  return known;
}

Result<std::string> Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) return Fail(Reason::kInvalid, fmt::format("{} is no string", key));
  return found->get<std::string>();
}

Result<std::optional<int64_t>> Number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::optional<int64_t>();
  if (!found->is_number_integer()) {
    return Fail(Reason::kInvalid, fmt::format("{} is no number", key));
  }
  return found->get<int64_t>();
}

Result<std::vector<Json>> Entries(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::vector<Json>();
  if (!found->is_array()) return Fail(Reason::kInvalid, fmt::format("{} is no list", key));
  return std::vector<Json>(found->begin(), found->end());
}

Result<std::vector<Json>> Objects(const Json& object, const char* key) {
  auto list = TRY(Entries(object, key));
  for (const Json& each : list) {
    if (!each.is_object()) return Fail(Reason::kInvalid, fmt::format("{}: no object", key));
  }
  return list;
}

Result<DeviceNode> NodeOf(const Json& given) {
  const Json object = TRY(Known(given, {"path", "hostPath", "type", "major", "minor", "fileMode",
                                        "permissions", "uid", "gid"}));
  DeviceNode node;
  node.path = TRY(Text(object, "path"));
  node.host_path = TRY(Text(object, "hostPath"));
  node.type = TRY(Text(object, "type"));
  node.major = TRY(Number(object, "major"));
  node.minor = TRY(Number(object, "minor"));
  node.file_mode = TRY(Number(object, "fileMode"));
  node.uid = TRY(Number(object, "uid"));
  node.gid = TRY(Number(object, "gid"));
  node.permissions = TRY(Text(object, "permissions"));
  if (node.path.empty()) return Fail(Reason::kInvalid, "invalid (empty) device path");
  if (node.permissions.find_first_not_of("rwm") != std::string::npos) {
    return Fail(Reason::kInvalid, fmt::format("device \"{}\": invalid permissions \"{}\"",
                                              node.path, node.permissions));
  }
  if (!node.type.empty() && node.type != "b" && node.type != "c" && node.type != "u" &&
      node.type != "p") {
    return Fail(Reason::kInvalid,
                fmt::format("device \"{}\": invalid type \"{}\"", node.path, node.type));
  }
  return node;
}

Result<> SetOption(const std::string& option, cri::Mount& mount) {
  if (option == "ro") {
    mount.readonly = true;
  } else if (option == "rslave" || option == "slave") {
    mount.propagation = cri::Propagation::kHostToContainer;
  } else if (option == "rshared" || option == "shared") {
    mount.propagation = cri::Propagation::kBidirectional;
  } else if (option != "rw" && option != "bind" && option != "rbind" && option != "private" &&
             option != "rprivate") {
    return Fail(Reason::kInvalid, fmt::format("mount \"{}\": the runtime cannot be asked for the "
                                              "option \"{}\"",
                                              mount.container_path, option));
  }
  return {};
}

Result<cri::Mount> MountOf(const Json& given) {
  const Json object = TRY(Known(given, {"hostPath", "containerPath", "options", "type"}));
  cri::Mount mount;
  mount.host_path = TRY(Text(object, "hostPath"));
  mount.container_path = TRY(Text(object, "containerPath"));
  if (mount.host_path.empty()) return Fail(Reason::kInvalid, "invalid mount, empty host path");
  if (mount.container_path.empty()) {
    return Fail(Reason::kInvalid, "invalid mount, empty container path");
  }
  const std::string type = TRY(Text(object, "type"));
  if (!type.empty() && type != "bind" && type != "none") {
    return Fail(Reason::kInvalid, fmt::format("mount \"{}\": the runtime cannot be asked for a "
                                              "mount of type \"{}\"",
                                              mount.container_path, type));
  }
  for (const Json& option : TRY(Entries(object, "options"))) {
    if (!option.is_string()) return Fail(Reason::kInvalid, "options: no string");
    TRY(SetOption(option.get<std::string>(), mount));
  }
  return mount;
}

Result<Edits> EditsOf(const Json& object) {
  Edits edits;
  const auto found = object.find("containerEdits");
  if (found == object.end() || found->is_null()) return edits;
  if (!found->is_object()) return Fail(Reason::kInvalid, "containerEdits is no object");
  const Json known = TRY(Known(*found, {"env", "deviceNodes", "mounts", "additionalGIDs", "hooks",
                                        "intelRdt", "netDevices"}));
  for (const char* key : kRefused) {
    const auto refused = known.find(key);
    if (refused == known.end() || !IsSet(*refused)) continue;
    return Fail(Reason::kInvalid, fmt::format("the runtime cannot be asked for {}", key));
  }
  for (const Json& each : TRY(Entries(known, "env"))) {
    const std::string text = each.is_string() ? each.get<std::string>() : "";
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(Reason::kInvalid, fmt::format("invalid environment variable \"{}\"", text));
    }
    edits.env.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const Json& each : TRY(Objects(known, "deviceNodes"))) {
    edits.nodes.push_back(TRY(NodeOf(each)));
  }
  for (const Json& each : TRY(Objects(known, "mounts"))) {
    edits.mounts.push_back(TRY(MountOf(each)));
  }
  for (const Json& each : TRY(Entries(known, "additionalGIDs"))) {
    if (!each.is_number_integer() || each.get<int64_t>() < 0 || each.get<int64_t>() > UINT32_MAX) {
      return Fail(Reason::kInvalid, "additionalGIDs: no group");
    }
    edits.groups.push_back(each.get<int64_t>());
  }
  return edits;
}

bool IsNameChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

// Of vendors and classes; devices may have ':' as well, and begin with a digit.
bool IsName(std::string_view name, bool is_device) {
  if (name.empty()) return false;
  const auto first = static_cast<unsigned char>(name.front());
  const auto last = static_cast<unsigned char>(name.back());
  if ((is_device ? std::isalnum(first) : std::isalpha(first)) == 0) return false;
  if (std::isalnum(last) == 0) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return IsNameChar(c) || (is_device && c == ':'); });
}

bool IsKind(std::string_view kind) {
  const size_t slash = kind.find('/');
  return slash != std::string_view::npos && IsName(kind.substr(0, slash), false) &&
         IsName(kind.substr(slash + 1), false);
}

}  // namespace

std::optional<DeviceName> ParseDeviceName(std::string_view name) {
  const size_t equals = name.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  DeviceName parsed{std::string(name.substr(0, equals)), std::string(name.substr(equals + 1))};
  if (!IsKind(parsed.kind) || !IsName(parsed.device, true)) return std::nullopt;
  return parsed;
}

Result<Spec> ParseSpec(std::string_view text) {
  const auto document = TRY(ParseYaml(text));
  if (!document.value.is_object()) return Fail(Reason::kInvalid, "no object");
  const Json object = TRY(
      Known(document.value, {"cdiVersion", "kind", "annotations", "devices", "containerEdits"}));
  const std::string version = TRY(Text(object, "cdiVersion"));
  const auto is_known = [&](const char* each) { return version == each; };
  if (std::none_of(std::begin(kVersions), std::end(kVersions), is_known)) {
    return Fail(Reason::kInvalid, fmt::format("invalid version \"{}\"", version));
  }
  Spec spec;
  spec.kind = TRY(Text(object, "kind"));
  if (!IsKind(spec.kind)) {
    return Fail(Reason::kInvalid, fmt::format("invalid kind \"{}\"", spec.kind));
  }
  spec.all = TRY(EditsOf(object));
  for (const Json& given : TRY(Objects(object, "devices"))) {
    const Json each = TRY(Known(given, {"name", "annotations", "containerEdits"}));
    const std::string name = TRY(Text(each, "name"));
    if (!IsName(name, true)) {
      return Fail(Reason::kInvalid, fmt::format("invalid device name \"{}\"", name));
    }
    auto edits = TRY(EditsOf(each));
    if (!spec.devices.emplace(name, std::move(edits)).second) {
      return Fail(Reason::kInvalid, fmt::format("invalid spec, multiple device \"{}\"", name));
    }
  }
  if (spec.devices.empty()) return Fail(Reason::kInvalid, "invalid spec, no devices");
  return spec;
}

}  // namespace skiff::kubelet::cdi
