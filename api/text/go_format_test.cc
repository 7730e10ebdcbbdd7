#include "api/text/go_format.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

constexpr size_t kPlenty = 1 << 20;

std::string Printed(const std::string& format, const Json& arguments) {
  const std::vector<Json> list(arguments.begin(), arguments.end());
  const auto text = GoSprintf(format, list, kPlenty);
  return text ? *text : text.error().message;
}

// What Go 1.26 printed.
TEST(GoFormatTest, PrintsNumbers) {
  EXPECT_EQ(Printed("%d|%5d|%-5d|%05d|%+d|% d|%.3d", Json::array({7, 7, 7, -7, 7, 7, 7})),
            "7|    7|7    |-0007|+7| 7|007");
  EXPECT_EQ(Printed("%b %o %O %x %X %#x %#b %#o", Json::array({5, 8, 8, 255, 255, 255, 5, 8})),
            "101 10 0o10 ff FF 0xff 0b101 010");
  EXPECT_EQ(Printed("%c|%5c|%q|%+q|%U|%#U", Json::array({8364, 65, 65, 8364, 8364, 97})),
            "€|    A|'A'|'\\u20ac'|U+20AC|U+0061 'a'");
  EXPECT_EQ(Printed("%v %+v %#v %x", Json::array({-42, 7, 7, -42})), "-42 7 7 -2a");
  EXPECT_EQ(Printed("%f|%.2f|%8.3f|%-8.1f|%08.3f|%+.1f",
                    Json::array({2.5, 2.5, 2.5, 2.5, -2.5, 2.5})),
            "2.500000|2.50|   2.500|2.5     |-002.500|+2.5");
  EXPECT_EQ(Printed("%e|%E|%g|%G|%v|%x|%b", Json::array({2.5, 2.5, 2.5, 1.5e-7, 1e21, 2.5, 2.5})),
            "2.500000e+00|2.500000E+00|2.5|1.5E-07|1e+21|0x1.4p+01|5629499534213120p-51");
  EXPECT_EQ(Printed("%d", Json::array({UINT64_MAX})), "18446744073709551615");
}

TEST(GoFormatTest, PrintsTexts) {
  EXPECT_EQ(Printed("%s|%5s|%-5s|%.1s|%q|%+q|%#q",
                    Json::array({"hé", "hé", "hé", "hé", "hé", "hé", "hé"})),
            "hé|   hé|hé   |h|\"hé\"|\"h\\u00e9\"|`hé`");
  EXPECT_EQ(Printed("%x|%X|% x|%#x|% #x|%.1x|%06x",
                    Json::array({"ab", "hé", "ab", "ab", "ab", "ab", "ab"})),
            "6162|68C3A9|61 62|0x6162|0x61 0x62|61|006162");
  EXPECT_EQ(Printed("%t|%6t|%v|%T|%T|%T|%v",
                    Json::array({true, true, false, true, "", 1.5, nullptr})),
            "true|  true|false|bool|string|float64|<nil>");
}

TEST(GoFormatTest, PrintsWhatHoldsOthersEachOfThem) {
  const Json map = {{"a", 1}, {"b", "x"}};
  const Json list = {1, "x", 2.5};
  EXPECT_EQ(Printed("%v %v %3v", Json::array({map, list, list})),
            "map[a:1 b:x] [1 x 2.5] [  1   x 2.5]");
  EXPECT_EQ(Printed("%#v", Json::array({map})), "map[string]interface {}{\"a\":1, \"b\":\"x\"}");
  EXPECT_EQ(Printed("%d", Json::array({map})), "map[%!d(string=a):1 %!d(string=b):%!d(string=x)]");
  EXPECT_EQ(Printed("%q %x", Json::array({Json{"a", "b"}, Json{"a", 10}})), "[\"a\" \"b\"] [61 a]");
}

TEST(GoFormatTest, SaysWhatIsWrong) {
  EXPECT_EQ(Printed("%d %s %t", Json::array({"a", 3, 2.5})),
            "%!d(string=a) %!s(int64=3) %!t(float64=2.5)");
  EXPECT_EQ(Printed("%5d %!", Json::array({nullptr})), "%!d(<nil>) %!!(MISSING)");
  EXPECT_EQ(Printed("%d %d", Json::array({1})), "1 %!d(MISSING)");
  EXPECT_EQ(Printed("%d", Json::array({1, "a", nullptr})), "1%!(EXTRA string=a, <nil>)");
  EXPECT_EQ(Printed("%", Json::array()), "%!(NOVERB)");
  EXPECT_EQ(Printed("%5%|%99999999999d|", Json::array({1})), "%|%!(NOVERB)%!(EXTRA int64=1)");
}

TEST(GoFormatTest, TakesArgumentsByTheirPlace) {
  EXPECT_EQ(Printed("%[2]d %[1]d", Json::array({1, 2})), "2 1");
  EXPECT_EQ(Printed("%*d|%-*d|", Json::array({5, 3, 5, 3})), "    3|3    |");
  EXPECT_EQ(Printed("%[3]*.[2]*[1]f", Json::array({12.0, 2, 6})), " 12.00");
  EXPECT_EQ(Printed("%[5]d %[x]d", Json::array({1})), "%!d(BADINDEX) %!d(BADINDEX)");
  EXPECT_EQ(Printed("%*d", Json::array({"a", 3})), "%!(BADWIDTH)3");
}

TEST(GoFormatTest, WhatItPrintsIsBounded) {
  EXPECT_EQ(Printed("%2000000d", Json::array({1})), "it prints too much");
  const Json many = std::vector<int>(10'000, 1);
  EXPECT_EQ(Printed("%900000d", Json::array({many})), "it prints too much");
}

}  // namespace
}  // namespace skiff
