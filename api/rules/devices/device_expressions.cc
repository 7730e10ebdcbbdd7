#include "api/rules/devices/device_expressions.h"

#include <fmt/format.h>

#include <optional>

#include "api/cel/libraries.h"

namespace skiff {
namespace {

using Entries = std::map<cel::Value, cel::Value, cel::KeyLess>;

constexpr uint64_t kDomainLengthMax = 63;
constexpr uint64_t kIdLengthMax = 32;
constexpr uint64_t kAttributeLengthMax = 64;
constexpr uint64_t kEntriesMax = 32;  // Attributes and capacities of a device together.

cel::TypeRef UpTo(uint64_t size_max, const cel::TypeRef& type) {
  auto bounded = std::make_shared<cel::Type>(*type);
  bounded->size_max = size_max;
  return bounded;
}

// By domain, then by name.
cel::TypeRef Qualified(const cel::TypeRef& value) {
  const auto inner =
      UpTo(kEntriesMax, cel::types::Map(UpTo(kIdLengthMax, cel::types::String()), value));
  return UpTo(kEntriesMax, cel::types::Map(UpTo(kDomainLengthMax, cel::types::String()), inner));
}

cel::TypeRef MakeDeviceType() {
  auto device = std::make_shared<cel::Type>(*cel::types::Object("kubernetes.DRADevice"));
  const auto add = [&](const char* name, cel::TypeRef type) {
    device->fields[name] = {name, std::move(type)};
  };
  add("driver", UpTo(kDomainLengthMax, cel::types::String()));
  // A text, a number, a version: known only when the device is there.
  add("attributes", Qualified(UpTo(kAttributeLengthMax, cel::types::Any())));
  add("capacity", Qualified(cel::types::Opaque("kubernetes.Quantity")));
  return device;
}

cel::Environment MakeEnvironment() {
  auto environment = cel::Environment::Kubernetes({{"device", DeviceType()}});
  environment.macros.bind = true;
  return environment;
}

// Values by their qualified names, as maps of maps.
class Domains {
 public:
  explicit Domains(std::string_view driver) : driver_(driver) {}
  void Add(std::string_view name, cel::Value value) {
    const size_t slash = name.find('/');
    const bool is_own = slash == std::string_view::npos;
    const std::string_view domain = is_own ? driver_ : name.substr(0, slash);
    const std::string_view id = is_own ? name : name.substr(slash + 1);
    domains_[domain].insert_or_assign(cel::Value::StringView(id), std::move(value));
  }
  cel::Value Make() && {
    Entries maps;
    for (auto& [domain, entries] : domains_) {
      maps.emplace(cel::Value::StringView(domain), cel::MapBuilder::Make(std::move(entries)));
    }
    return cel::MapBuilder::Make(std::move(maps), cel::MapBuilder::Make({}));
  }

 private:
  const std::string_view driver_;
  std::map<std::string_view, Entries> domains_;
};

cel::Value AttributeValue(const resource_v1::DeviceAttribute& attribute) {
  if (attribute.int_) return cel::Value::Int(*attribute.int_);
  if (attribute.bool_) return cel::Value::Bool(*attribute.bool_);
  if (attribute.string) return cel::Value::StringView(*attribute.string);
  if (!attribute.version) return cel::Value::Error("unsupported attribute value");
  cel::Value version = cel::SemverOf(*attribute.version);
  if (!version.IsError()) return version;
  return cel::Value::Error("parse semantic version: " + std::string(version.text()));
}

// Why the value is no bool, as Go says it.
std::string NoBool(const cel::Value& value) {
  switch (value.kind()) {
    case cel::Kind::kInt:
    case cel::Kind::kUint:
      return fmt::format("unsupported type conversion from '{}' to bool", value.TypeName());
    case cel::Kind::kString:
      return "unsupported native conversion from string to 'bool'";
    case cel::Kind::kDouble:
      return "type conversion error from Double to 'bool'";
    case cel::Kind::kOpaque: {
      const std::string name = value.TypeName();
      return fmt::format("type conversion error from '{}' to 'bool'",
                         name.substr(name.rfind('.') + 1));
    }
    default:
      return fmt::format("type conversion error from {} to 'bool'", value.TypeName());
  }
}

}  // namespace

const cel::TypeRef& DeviceType() {
  static const cel::TypeRef type = MakeDeviceType();
  return type;
}

Result<std::shared_ptr<const cel::Program>> CompileDeviceSelector(std::string_view expression) {
  static const cel::Environment environment = MakeEnvironment();
  auto program = TRY(cel::Compile(expression, environment));
  const cel::Type& type = *program->type();
  if (cel::IsPlain(type, cel::TypeKind::kBool) || cel::IsAny(type)) return program;
  return Fail(Reason::kInvalid,
              "must evaluate to bool or the unknown type, not " + cel::GoTypeText(type));
}

Result<cel::Value> DeviceValue(std::string_view driver, const resource_v1::Device& device) {
  Domains attributes(driver);
  for (const auto& [name, attribute] : device.attributes) {
    cel::Value value = AttributeValue(attribute);
    if (value.IsError()) {
      return Fail(Reason::kInvalid, fmt::format("attribute {}: {}", name, value.text()));
    }
    attributes.Add(name, std::move(value));
  }
  Domains capacity(driver);
  for (const auto& [name, amount] : device.capacity) {
    capacity.Add(name, cel::QuantityOf(amount.value.Text()));
  }
  Entries fields;
  const auto add = [&](const char* name, cel::Value value) {
    fields.emplace(cel::Value::StringView(name), std::move(value));
  };
  add("driver", cel::Value::StringView(driver));
  add("attributes", std::move(attributes).Make());
  add("capacity", std::move(capacity).Make());
  // No field of the type, but there for those who ask dyn(device) for it.
  add("allowMultipleAllocations", cel::Value::Bool(false));
  return cel::MapBuilder::Make(std::move(fields));
}

Result<bool> Selects(const cel::Program& selector, const cel::Value& device) {
  const cel::Outcome outcome =
      selector.Eval(std::span<const cel::Value>(&device, 1), kDeviceSelectorCostMax);
  if (outcome.failed()) return Fail(Reason::kInvalid, std::string(outcome.value.text()));
  if (outcome.value.Is(cel::Kind::kBool)) return outcome.value.boolean();
  return Fail(Reason::kInvalid,
              fmt::format("CEL result of type {} could not be converted to bool: {}",
                          outcome.value.TypeName(), NoBool(outcome.value)));
}

}  // namespace skiff
