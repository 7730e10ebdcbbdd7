#include "api/rules/devices/device_selectors.h"

#include "api/cel/estimate.h"
#include "api/violations.h"

namespace skiff {
namespace {

constexpr uint64_t kDomainLengthMax = 63;
constexpr uint64_t kIdLengthMax = 32;
constexpr uint64_t kAttributeLengthMax = 64;
constexpr uint64_t kEntriesMax = 32;  // Attributes and capacities of a device together.
constexpr uint64_t kCostMax = 1000000;

cel::TypeRef UpTo(uint64_t size_max, const cel::TypeRef& type) {
  auto bounded = std::make_shared<cel::Type>(*type);
  bounded->size_max = size_max;
  return bounded;
}

// By domain, then by name.
cel::TypeRef Qualified(const cel::TypeRef& value) {
  namespace types = cel::types;
  const auto inner =
      UpTo(kEntriesMax, types::Map(UpTo(kIdLengthMax, types::String()), value));
  return UpTo(kEntriesMax, types::Map(UpTo(kDomainLengthMax, types::String()), inner));
}

cel::TypeRef DeviceType() {
  namespace types = cel::types;
  auto device = std::make_shared<cel::Type>(*types::Object("kubernetes.DRADevice"));
  const auto add = [&](const char* name, cel::TypeRef type) {
    device->fields[name] = {name, std::move(type)};
  };
  add("driver", UpTo(kDomainLengthMax, types::String()));
  // A text, a number, a version: known only when the device is there.
  add("attributes", Qualified(UpTo(kAttributeLengthMax, types::Any())));
  add("capacity", Qualified(types::Opaque("kubernetes.Quantity")));
  add("allowMultipleAllocations", UpTo(1, types::Bool()));
  return device;
}

}  // namespace

void ValidateDeviceExpression(const std::string& expression, const FieldPath& path,
                              Violations& out) {
  static const cel::TypeRef device = DeviceType();
  auto environment = cel::Environment::Kubernetes({{"device", device}});
  environment.macros.bind = true;
  const auto program = cel::Compile(expression, environment);
  if (!program) {
    const std::string& why = program.error().message;
    if (why.starts_with("program instantiation failed")) return out.Internal(path, why);
    return out.Invalid(path, expression, why);
  }
  const cel::Type& type = *(*program)->type();
  if (!cel::IsPlain(type, cel::TypeKind::kBool) && !cel::IsAny(type)) {
    return out.Invalid(path, expression,
                       "must evaluate to bool or the unknown type, not " + cel::GoTypeText(type));
  }
  if (cel::EstimateCost(**program, *device) > kCostMax) {
    out.Forbidden(path, "too complex, exceeds cost limit");
  }
}

}  // namespace skiff
