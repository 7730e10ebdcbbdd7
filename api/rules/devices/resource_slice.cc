// What the schema cannot say about a ResourceSlice and a DeviceClass.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/resource_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/devices/device_validation.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace resource_v1;

constexpr size_t kDevicesMax = 128;
constexpr size_t kFieldsOfDeviceMax = 32;
constexpr size_t kAttributeBytesMax = 64;
constexpr size_t kClassListMax = 32;
// Of a domain, a slash and a name.
constexpr size_t kKeyBytesMax = 63 + 1 + 32;

// Features that are off in v1.35 leave nothing behind.
void DropAlphaFields(ResourceSliceSpec& spec) {
  spec.per_device_node_selection.reset();
  spec.shared_counters.clear();
  for (Device& device : spec.devices) {
    device.consumes_counters.clear();
    device.node_name.reset();
    device.node_selector.reset();
    device.all_nodes.reset();
    device.taints.clear();
    device.binds_to_node.reset();
    device.binding_conditions.clear();
    device.binding_failure_conditions.clear();
    device.allow_multiple_allocations.reset();
    for (auto& [name, capacity] : device.capacity) capacity.request_policy.reset();
  }
}

void Create(ResourceSlice& object) {
  DropAlphaFields(object.spec);
  PrepareCreate(object);
}

// Fields that are left out count as a change, as they do in Kubernetes.
void Update(ResourceSlice& object, const ResourceSlice& old) {
  PrepareUpdate(object, old);
  DropAlphaFields(object.spec);
}

constexpr std::string_view kVersionDigits = "0123456789";

// Identifiers between dots; where they are of a prerelease, a number begins with no zero.
bool AreIdentifiers(std::string_view list, bool of_prerelease) {
  constexpr std::string_view kAllowed =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find('.', begin), list.size());
    const std::string_view each = list.substr(begin, end - begin);
    if (each.empty() || each.find_first_not_of(kAllowed) != std::string_view::npos) return false;
    const bool is_number = each.find_first_not_of(kVersionDigits) == std::string_view::npos;
    if (of_prerelease && is_number && each.size() > 1 && each[0] == '0') return false;
    begin = end + 1;
  }
  return true;
}

// digits.digits.digits, no leading zeros, then what semver.org allows behind.
bool IsSemanticVersion(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    const size_t digits = std::min(text.find_first_not_of(kVersionDigits), text.size());
    if (digits == 0 || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
    if (part == 2) break;
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
  }
  const size_t plus = text.find('+');
  if (plus != std::string_view::npos && !AreIdentifiers(text.substr(plus + 1), false)) return false;
  text = text.substr(0, plus);
  return text.empty() || (text[0] == '-' && AreIdentifiers(text.substr(1), true));
}

// A key in the path to what is wrong with it, without its middle where it is too long.
std::string ShownKey(const std::string& key) {
  if (key.size() <= kKeyBytesMax) return key;
  constexpr std::string_view kCut = "...";
  constexpr size_t kLeft = kKeyBytesMax - kCut.size();
  return fmt::format("{}{}{}", key.substr(0, (kLeft + 1) / 2), kCut,
                     key.substr(key.size() - kLeft / 2));
}

void ValidateAttribute(const DeviceAttribute& attribute, const FieldPath& path, Violations& out) {
  const int set = (attribute.int_ ? 1 : 0) + (attribute.bool_ ? 1 : 0) +
                  (attribute.string ? 1 : 0) + (attribute.version ? 1 : 0);
  if (attribute.string && attribute.string->size() > kAttributeBytesMax) {
    out.TooLong(path.Child("string"), kAttributeBytesMax);
  }
  if (attribute.version) {
    const FieldPath at = path.Child("version");
    if (!IsSemanticVersion(*attribute.version)) {
      out.Invalid(at, *attribute.version, "must be a string compatible with semver.org spec 2.0.0");
    }
    if (attribute.version->size() > kAttributeBytesMax) out.TooLong(at, kAttributeBytesMax);
  }
  if (set == 1) return;
  constexpr const char* kOneValue = "exactly one value must be specified";
  set == 0 ? out.Invalid(path, "", kOneValue)
           : out.Invalid(path, GoStruct(attribute), kOneValue);
}

void ValidateDevice(const Device& device, const FieldPath& path, Violations& out) {
  CheckFormat(Dns1123LabelErrors, device.name, path.Child("name"), out);
  const size_t fields = device.attributes.size() + device.capacity.size();
  if (fields > kFieldsOfDeviceMax) {
    out.Invalid(path, static_cast<int64_t>(fields),
                "the total number of attributes and capacities must not exceed 32");
  }
  for (const auto& [name, attribute] : device.attributes) {
    const FieldPath at = path.Child("attributes").Key(ShownKey(name));
    ValidateDeviceFieldName(name, at, out);
    ValidateAttribute(attribute, at, out);
  }
  for (const auto& [name, capacity] : device.capacity) {
    ValidateDeviceFieldName(name, path.Child("capacity").Key(ShownKey(name)), out);
  }
}

// Where the devices are: on one node, on some, on all.
void ValidatePlace(const ResourceSliceSpec& spec, Violations& out) {
  const FieldPath path("spec");
  constexpr const char* kOneOf =
      "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  std::vector<std::string> set;
  if (spec.node_name) {
    if (spec.node_name->empty()) {
      out.Invalid(path.Child("nodeName"), "", "must be either unset or set to a non-empty string");
    } else {
      set.emplace_back("`nodeName`");
      CheckFormat(Dns1123SubdomainErrors, *spec.node_name, path.Child("nodeName"), out);
    }
  }
  if (spec.node_selector) {
    set.emplace_back("`nodeSelector`");
    const FieldPath at = path.Child("nodeSelector");
    ValidateNodeSelector(*spec.node_selector, true, at, out);
    const auto& terms = spec.node_selector->node_selector_terms;
    if (terms.size() != 1) {
      out.Invalid(at.Child("nodeSelectorTerms"),
                  terms.empty() ? Printed::Verbatim("null") : GoStruct(terms),
                  "must have exactly one node selector term");
    }
  }
  if (spec.all_nodes) {
    if (*spec.all_nodes) {
      set.emplace_back("`allNodes`");
    } else {
      out.Invalid(path.Child("allNodes"), false, "must be either unset or set to true");
    }
  }
  if (set.empty()) out.Required(path, kOneOf);
  if (set.size() > 1) {
    out.Invalid(path, fmt::format("{{{}}}", fmt::join(set, ", ")),
                std::string(kOneOf) + ", but multiple fields are set");
  }
}

// What may not change, of a slice that there was; `old` is nullptr on create.
void ValidateSame(const ResourceSliceSpec& spec, const ResourceSliceSpec* old, Violations& out) {
  if (old == nullptr) return;
  const FieldPath path("spec");
  ValidateImmutable(spec.pool.name, old->pool.name, path.Child("pool").Child("name"), out);
  ValidateImmutable(spec.driver, old->driver, path.Child("driver"), out);
  ValidateImmutable(spec.node_name, old->node_name, path.Child("nodeName"), out);
}

void ValidateSlice(const ResourceSlice& object, const ResourceSliceSpec* old, Violations& out) {
  const ResourceSliceSpec& spec = object.spec;
  const FieldPath path("spec");
  ValidateDriverName(spec.driver, path.Child("driver"), out);
  const FieldPath pool = path.Child("pool");
  ValidatePoolName(spec.pool.name, pool.Child("name"), out);
  if (spec.pool.resource_slice_count <= 0) {
    out.Invalid(pool.Child("resourceSliceCount"), spec.pool.resource_slice_count, kMustBePositive);
  }
  if (spec.pool.generation < 0) {
    out.Invalid(pool.Child("generation"), spec.pool.generation,
                "must be greater than or equal to zero");
  }
  ValidateSame(spec, old, out);
  ValidatePlace(spec, out);
  const FieldPath devices = path.Child("devices");
  if (spec.devices.size() > kDevicesMax) {
    return out.TooMany(devices, spec.devices.size(), kDevicesMax);
  }
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    ValidateDevice(spec.devices[i], devices.Index(i), out);
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    const std::string& name = spec.devices[i].name;
    if (!names.insert(name).second) out.Duplicate(devices.Index(i), name);
  }
}

void Validate(const ResourceSlice& object, Violations& out) {
  ValidateSlice(object, nullptr, out);
}

void ValidateUpdate(const ResourceSlice& object, const ResourceSlice& old, Violations& out) {
  ValidateSlice(object, &old.spec, out);
}

void Warn(const ResourceSlice& object, const ResourceSlice*, std::vector<std::string>& out) {
  const std::string& driver = object.spec.driver;
  if (std::none_of(driver.begin(), driver.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return;
  }
  out.push_back(fmt::format(
      "spec.driver: driver names should be lowercase; \"{}\" contains uppercase characters",
      driver));
}

// Devices by the name of an extended resource are a feature that is off in v1.35.
void CreateClass(DeviceClass& object) {
  object.spec.extended_resource_name.reset();
  PrepareCreate(object);
}

void UpdateClass(DeviceClass& object, const DeviceClass& old) {
  if (!old.spec.extended_resource_name) object.spec.extended_resource_name.reset();
  PrepareUpdate(object, old);
}

void ValidateClass(const DeviceClass& object, Violations& out) {
  const FieldPath path("spec");
  ValidateDeviceSelectors(object.spec.selectors, path.Child("selectors"), out);
  const FieldPath config = path.Child("config");
  if (object.spec.config.size() > kClassListMax) {
    return out.TooMany(config, object.spec.config.size(), kClassListMax);
  }
  for (size_t i = 0; i < object.spec.config.size(); ++i) {
    ValidateOpaqueConfig(object.spec.config[i].opaque, config.Index(i).Child("opaque"), out);
  }
}

void DefaultClass(DeviceClass& object) {
  for (auto& config : object.spec.config) CompactParameters(config.opaque);
}

void ValidateClassUpdate(const DeviceClass& object, const DeviceClass&, Violations& out) {
  ValidateClass(object, out);
}

}  // namespace

constexpr RulesOf<ResourceSlice> kTypedResourceSliceRules = {
    .prepare_create = Create,
    .prepare_update = Update,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kResourceSliceRules = Erase<kTypedResourceSliceRules>();

constexpr RulesOf<DeviceClass> kTypedDeviceClassRules = {
    .set_defaults = DefaultClass,
    .prepare_create = CreateClass,
    .prepare_update = UpdateClass,
    .validate = ValidateClass,
    .validate_update = ValidateClassUpdate,
};
constinit const Rules kDeviceClassRules = Erase<kTypedDeviceClassRules>();

}  // namespace skiff
