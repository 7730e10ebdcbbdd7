#include "api/rules/devices/device_selectors.h"

#include "api/cel/estimate.h"
#include "api/rules/devices/device_expressions.h"
#include "api/violations.h"

namespace skiff {

void ValidateDeviceExpression(const std::string& expression, const FieldPath& path,
                              Violations& out) {
  const auto program = CompileDeviceSelector(expression);
  if (!program) {
    const std::string& why = program.error().message;
    if (why.starts_with("program instantiation failed")) return out.Internal(path, why);
    return out.Invalid(path, expression, why);
  }
  if (cel::EstimateCost(**program, *DeviceType()) > kDeviceSelectorCostMax) {
    out.Forbidden(path, "too complex, exceeds cost limit");
  }
}

}  // namespace skiff
