#include "api/rules/devices/device_selectors.h"

#include <gtest/gtest.h>

#include "api/violations.h"

namespace skiff {
namespace {

std::string Judged(const std::string& expression) {
  Violations out;
  ValidateDeviceExpression(expression, FieldPath("e"), out);
  return out.empty() ? "" : out.Text();
}

TEST(DeviceSelectorsTest, DevicesHaveADriverAttributesAndCapacity) {
  EXPECT_EQ(Judged("device.driver == 'a' && device.attributes['a'].model == 'x'"), "");
  EXPECT_EQ(Judged("device.capacity['a'].memory.compareTo(quantity('1Gi')) >= 0"), "");
  EXPECT_EQ(Judged("cel.bind(d, device.attributes['a'], d.fast && d.big)"), "");
  EXPECT_EQ(Judged("device.attributes['a'].names.contains('x')"), "");
}

TEST(DeviceSelectorsTest, ExpressionsAreOfTypeBoolAndCheap) {
  EXPECT_EQ(Judged("1 + 1"),
            "e: Invalid value: \"1 + 1\": must evaluate to bool or the unknown type, not int");
  EXPECT_EQ(Judged("device.nope"),
            "e: Invalid value: \"device.nope\": compilation failed: ERROR: <input>:1:7: undefined "
            "field 'nope'\n | device.nope\n | ......^");
  const std::string all = "device.attributes.all(a, device.attributes.all(b, "
                          "device.attributes.all(c, device.attributes.all(d, a + b == c + d))))";
  EXPECT_EQ(Judged(all), "e: Forbidden: too complex, exceeds cost limit");
}

}  // namespace
}  // namespace skiff
