#include "api/rules/devices/device_expressions.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

resource_v1::Device SomeDevice() {
  resource_v1::Device device;
  device.name = "gpu-0";
  device.attributes["model"].string = "x1";
  device.attributes["slots"].int_ = 4;
  device.attributes["fast"].bool_ = true;
  device.attributes["firmware"].version = "1.10.0";
  device.attributes["other.io/zone"].string = "z";
  device.capacity["memory"].value = *Quantity::Parse("8Gi");
  return device;
}

// "yes", "no", or what is wrong.
std::string AnswerOf(const std::string& expression,
                     const resource_v1::Device& device = SomeDevice()) {
  const auto selector = CompileDeviceSelector(expression);
  if (!selector) return selector.error().message;
  const auto value = DeviceValue("gpu.io", device);
  if (!value) return value.error().message;
  const auto selects = Selects(**selector, *value);
  if (!selects) return selects.error().message;
  return *selects ? "yes" : "no";
}

struct AskedOfDevice {
  const char* expression;
  const char* answer;
};

TEST(DeviceExpressionsTest, ADeviceIsKnownByDriverAttributesAndCapacity) {
  for (const AskedOfDevice& question : std::initializer_list<AskedOfDevice>{
           {"device.driver == 'gpu.io'", "yes"},
           {"device.attributes['gpu.io'].model == 'x1'", "yes"},
           {"device.attributes['gpu.io'].slots > 4", "no"},
           {"device.attributes['gpu.io'].fast", "yes"},
           {"device.attributes['gpu.io'].firmware.isGreaterThan(semver('1.9.3'))", "yes"},
           {"device.attributes['other.io'].zone == 'z'", "yes"},
           {"device.attributes['gpu.io/model'].model == 'x1'", "no such key: model"},
           {"device.capacity['gpu.io'].memory.compareTo(quantity('8Gi')) >= 0", "yes"},
           {"device.capacity['gpu.io'].memory.isGreaterThan(quantity('9Gi'))", "no"},
           {"cel.bind(own, device.attributes['gpu.io'], own.fast && own.slots == 4)", "yes"}}) {
    EXPECT_EQ(AnswerOf(question.expression), question.answer) << question.expression;
  }
}

TEST(DeviceExpressionsTest, ADomainThatIsNotThereIsAnEmptyMap) {
  for (const AskedOfDevice& question : std::initializer_list<AskedOfDevice>{
           {"device.attributes['none.io'].size() == 0", "yes"},
           {"has(device.attributes['none.io'].model)", "no"},
           {"device.attributes['none.io'].?model.orValue('none') == 'none'", "yes"},
           {"device.attributes['none.io'].model == 'x1'", "no such key: model"},
           {"device.capacity['none.io'].size() == 0", "yes"},
           {"has(device.attributes.none)", "yes"},
           {"device.attributes[?'none.io'].hasValue()", "yes"},
           // Who asks which there are is told.
           {"'none.io' in device.attributes", "no"},
           {"'gpu.io' in device.attributes", "yes"},
           {"device.attributes.size() == 2", "yes"},
           {"device.attributes.exists(domain, domain == 'none.io')", "no"}}) {
    EXPECT_EQ(AnswerOf(question.expression), question.answer) << question.expression;
  }
}

TEST(DeviceExpressionsTest, WhatIsWrongIsSaidAsCelGoSaysIt) {
  for (const AskedOfDevice& question : std::initializer_list<AskedOfDevice>{
           {"device.attributes['gpu.io'].nope", "no such key: nope"},
           {"device.attributes['gpu.io'].slots",
            "CEL result of type int could not be converted to bool: unsupported type conversion "
            "from 'int' to bool"},
           {"device.attributes['gpu.io'].model",
            "CEL result of type string could not be converted to bool: unsupported native "
            "conversion from string to 'bool'"},
           {"device.attributes['gpu.io'].firmware",
            "CEL result of type kubernetes.Semver could not be converted to bool: type conversion "
            "error from 'Semver' to 'bool'"},
           {"device.allowMultipleAllocations",
            "compilation failed: ERROR: <input>:1:7: undefined field "
            "'allowMultipleAllocations'\n | device.allowMultipleAllocations\n | ......^"},
           {"'a'", "must evaluate to bool or the unknown type, not string"}}) {
    EXPECT_EQ(AnswerOf(question.expression), question.answer) << question.expression;
  }
}

TEST(DeviceExpressionsTest, AnAttributeHasAValueThatIsKnown) {
  resource_v1::Device device;
  device.attributes["empty"];
  EXPECT_EQ(AnswerOf("true", device), "attribute empty: unsupported attribute value");
  device.attributes["empty"].version = "1.2";
  EXPECT_EQ(AnswerOf("true", device),
            "attribute empty: parse semantic version: No Major.Minor.Patch elements found");
}

TEST(DeviceExpressionsTest, AnExpensiveExpressionIsGivenUp) {
  const std::string each = "[1,2,3,4,5,6,7,8,9,10]";
  std::string expression = "a + b + c + d + e + f > 0";
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    expression = each + ".all(" + name + ", " + expression + ")";
  }
  EXPECT_EQ(AnswerOf(expression), "operation cancelled: actual cost limit exceeded");
}

}  // namespace
}  // namespace skiff
