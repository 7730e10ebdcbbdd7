#include "api/rules/devices/device_selectors.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "api/gen/resource_v1.h"
#include "api/rules/devices/device_validation.h"
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

TEST(DeviceSelectorsTest, AnAttributeIsOfAnyTypeAndNothingElseIs) {
  const std::string wrong = "must evaluate to bool or the unknown type, not ";
  for (const char* known : {"device.attributes['a'].fast", "!device.attributes['a'].fast",
                            "device.attributes['a'].num + 1 == 5 && device.driver != ''",
                            "device.attributes['a'].?name.orValue('') == 'x'",
                            "has(device.attributes.nope)",
                            "device.attributes.exists(d, d.startsWith('x'))"}) {
    EXPECT_EQ(Judged(known), "") << known;
  }
  for (const auto& [expression, type] : std::initializer_list<std::pair<const char*, const char*>>{
           {"dyn(true)", "dyn"},
           {"device.attributes['a'].b.c", "dyn"},
           {"device.attributes['a']", "map(string, google.protobuf.Any)"},
           {"device.capacity['a'].b", "kubernetes.Quantity"},
           {"device", "kubernetes.DRADevice"},
           {"null", "null_type"}}) {
    EXPECT_EQ(Judged(expression), "e: Invalid value: \"" + std::string(expression) + "\": " +
                                      wrong + type);
  }
  EXPECT_NE(Judged("device.attributes['a'].b.map(x, x).size() > 0")
                .find("expression of type 'any' cannot be range of a comprehension"),
            std::string::npos);
  EXPECT_NE(Judged("device.attributes[1].b").find("'(map(string, map(string, any)), int)'"),
            std::string::npos);
}

// Whoever may write a claim may write a thousand selectors.
TEST(DeviceSelectorsTest, AllOfAClaimAreCheckedInBoundedTime) {
  const auto judge = [](const std::function<std::string(int)>& expression) {
    resource_v1::ResourceClaimSpec spec;
    for (int i = 0; i < 32; ++i) {
      auto& request = spec.devices.requests.emplace_back();
      request.name = "r" + std::to_string(i);
      request.exactly.emplace();
      for (int k = 0; k < 32; ++k) {
        request.exactly->selectors.emplace_back().cel.emplace().expression =
            expression(32 * i + k);
      }
    }
    const auto begin = std::chrono::steady_clock::now();
    Violations out;
    ValidateClaimSpec(spec, FieldPath("spec"), out);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
    return out.empty() ? "" : out.Text();
  };
  EXPECT_NE(judge([](int i) {
              return "device.driver.matches(r'\\pL{400}" + std::to_string(i) + "')";
            }).find("operation cancelled: actual cost limit exceeded"),
            std::string::npos);
  std::string doubled = "device.attributes['a'].b == 1 && [1]";
  for (int i = 0; i < 40; ++i) doubled += ".map(a, {a: a})";
  EXPECT_NE(judge([&](int) { return doubled + ".size() == 1"; })
                .find("expression type limit exceeded: 512"),
            std::string::npos);
}

}  // namespace
}  // namespace skiff
