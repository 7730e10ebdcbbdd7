#include "cli/go_template.h"

#include <gtest/gtest.h>

#include <fstream>

#include "api/codec/json.h"
#include "base/source_root.h"
#include "base/thread_stack.h"

namespace skiff::cli {
namespace {

const Json kPod = Json::parse(R"({"kind": "Pod", "metadata": {"name": "web",
    "labels": {"app": "web", "tier": "back"}}, "spec": {"containers": [
    {"name": "main", "image": "nginx"}, {"name": "side", "image": "busybox"}]},
    "ready": true, "count": 3, "data": "YWRtaW4="})");

std::string Filled(std::string_view text, bool allow_missing = true) {
  const auto parsed = GoTemplate::Parse(text);
  if (!parsed) return parsed.error().message;
  const auto printed = parsed->Execute(kPod, allow_missing);
  return printed ? *printed : printed.error().message;
}

TEST(GoTemplateTest, PrintsMembersAndText) {
  EXPECT_EQ(Filled("{{.metadata.name}} is {{.kind}}\n"), "web is Pod\n");
  EXPECT_EQ(Filled("{{.count}} {{.ready}} {{.metadata.labels}}"), "3 true map[app:web tier:back]");
  EXPECT_EQ(Filled("{{.spec.nothing}}|{{.nothing.at.all}}"), "<no value>|<no value>");
}

TEST(GoTemplateTest, RangesOverListsAndMaps) {
  EXPECT_EQ(Filled("{{range .spec.containers}}{{.name}}={{.image}} {{end}}"),
            "main=nginx side=busybox ");
  EXPECT_EQ(Filled("{{range $k, $v := .metadata.labels}}{{$k}}:{{$v}};{{end}}"),
            "app:web;tier:back;");
  EXPECT_EQ(Filled("{{range $i, $c := .spec.containers}}{{if $i}},{{end}}{{$c.name}}{{end}}"),
            "main,side");
  EXPECT_EQ(Filled("{{range .none}}x{{else}}empty{{end}}"), "empty");
  EXPECT_EQ(
      Filled("{{range .spec.containers}}{{if eq .name \"side\"}}{{break}}{{end}}{{.name}}{{end}}"),
      "main");
}

TEST(GoTemplateTest, DecidesAndAssigns) {
  EXPECT_EQ(Filled("{{if .nothing}}a{{else if .ready}}b{{else}}c{{end}}"), "b");
  EXPECT_EQ(Filled("{{with .metadata}}{{.name}}{{end}}{{with .nothing}}x{{else}}y{{end}}"), "weby");
  EXPECT_EQ(Filled("{{$n := .count}}{{if gt $n 2}}{{$n = 7}}{{end}}{{$n}}"), "7");
  EXPECT_EQ(Filled("{{if and (eq .kind \"Pod\") (not .nothing) (or false .ready)}}yes{{end}}"),
            "yes");
}

TEST(GoTemplateTest, CallsFunctions) {
  EXPECT_EQ(Filled("{{len .spec.containers}} {{index .spec.containers 1 \"image\"}}"), "2 busybox");
  EXPECT_EQ(Filled("{{.data | base64decode | printf \"%s-%q\" \"a\"}}"), "a-\"admin\"");
  EXPECT_EQ(Filled("{{printf \"%5d|%-4s|%v\" .count \"x\" .ready}}"), "    3|x   |true");
  EXPECT_EQ(Filled("{{exists . \"metadata\" \"labels\" \"app\"}} {{exists . \"spec\" \"x\"}}"),
            "true false");
  const auto no_data = GoTemplate::Parse("{{exists . \"data\"}}");
  EXPECT_EQ(*no_data->Execute(Json{{"data", nullptr}}), "false");
  EXPECT_EQ(Filled("{{(index .spec.containers 0).name}}"), "main");
  EXPECT_EQ(Filled("{{slice .kind 1}} {{print 1 2 \"a\"}}"), "od 1 2a");
}

TEST(GoTemplateTest, WhatIsPrintedIsBounded) {
  EXPECT_EQ(Filled("{{printf \"%.200f\" 2.5}}"), "2.5" + std::string(199, '0'));
  const std::string none = "%!(NOVERB)%!(EXTRA int64=3)";
  EXPECT_EQ(Filled("{{printf \"%.99999999999999f|%d\" .count}}"), none);
  EXPECT_EQ(Filled("{{printf \"%99999999999999d|%d\" .count}}"), none);
  EXPECT_EQ(Filled("{{printf \"% -5d|%--5s|\" 3 \"x\"}}"), " 3   |x    |");
  const auto doubled = [](const char* call) {
    std::string text = "{{$x := .kind}}";
    for (int i = 0; i < 64; ++i) text += "{{$x = " + std::string(call) + " $x $x}}";
    return Filled(text);
  };
  EXPECT_EQ(Filled("{{printf \"%1000001d|%d\" .count 1}}").size(), 1000001u + 2);
  EXPECT_TRUE(doubled("printf \"%s%s\"").ends_with("error calling printf: it prints too much"));
  EXPECT_TRUE(doubled("print").ends_with("error calling print: it prints too much"));
  EXPECT_TRUE(doubled("println").ends_with("error calling println: it prints too much"));
  EXPECT_TRUE(Filled("{{range 100000001}}{{end}}").ends_with("takes too long"));
  std::string chain = "{{if .none}}";
  for (int i = 0; i < 100'000; ++i) chain += "{{else if .none}}";
  EXPECT_EQ(Filled(chain + "{{end}}"), "template: output:1: too many {{else if}} after each other");
}

TEST(GoTemplateTest, EscapesForScriptsAndQueries) {
  EXPECT_EQ(Filled("{{js \"it's <x>\\n\\\\=&\"}}"), R"(it\'s \u003Cx\u003E\u000A\\\u003D\u0026)");
  EXPECT_EQ(Filled("{{urlquery \"a b&c/~\" 1}}"), "a+b%26c%2F~1");
  EXPECT_EQ(Filled("{{.kind | js}}"), "Pod");
}

TEST(GoTemplateTest, TrimsSpaceAndPassesOverComments) {
  EXPECT_EQ(Filled("a  {{- .kind -}}  b"), "aPodb");
  EXPECT_EQ(Filled("{{/* nothing */}}x{{\"}}\"}}"), "x}}");
}

// testdata/go_template.json is what Go's text/template (of 1.26) makes of such templates, with
// kubectl's functions: what is printed behind "OK:", or what it says; the last one where a missing
// key is an error.
TEST(GoTemplateTest, PrintsAndRefusesWhatGoDoesInItsWords) {
  const Json document = Json::parse(R"({"kind": "Pod", "metadata": {"name": "web",
      "labels": {"app": "web", "tier": "back"}}, "spec": {"containers": [
      {"name": "main", "image": "nginx"}, {"name": "side", "image": "busybox"}]},
      "ready": true, "count": 3, "half": 0.5, "data": "YWRtaW4=", "none": null,
      "list": ["a", 1, null], "empty": []})");
  std::ifstream file(std::string(kSourceRoot) + "/cli/testdata/go_template.json");
  const Json cases = Json::parse(file);
  ASSERT_GT(cases.size(), 200u);
  for (const Json& each : cases) {
    const std::string text = each[0];
    for (const bool allow_missing : {true, false}) {
      const auto parsed = GoTemplate::Parse(text);
      std::string got = parsed ? "" : parsed.error().message;
      if (parsed) {
        const auto printed = parsed->Execute(document, allow_missing);
        got = printed ? "OK:" + *printed : printed.error().message;
      }
      EXPECT_EQ(got, allow_missing ? each[1] : each.back()) << text;
    }
  }
}

TEST(GoTemplateTest, TakesGosEscapes) {
  EXPECT_EQ(Filled(R"({{"\x41\u00e9\U0001F600\101\t|\""}})"), "Aé😀A\t|\"");
  EXPECT_EQ(Filled(R"({{'\x41'}} {{'é'}} {{'\''}} {{'\n'}})"), "65 233 39 10");
  EXPECT_EQ(Filled(R"({{"\q"}})"), "template: output:1: invalid syntax");
  EXPECT_EQ(Filled(R"({{"\uD800"}})"), "template: output:1: invalid syntax");
  EXPECT_EQ(Filled(R"({{"\400"}})"), "template: output:1: invalid syntax");
  EXPECT_EQ(Filled("{{'ab'}}"), "template: output:1: malformed character constant: 'ab'");
}

TEST(GoTemplateTest, TemplatesCallEachOther) {
  EXPECT_EQ(Filled("{{template \"x\" .kind}}{{define \"x\"}}<{{.}}{{$}}>{{end}}{{template \"x\"}}"),
            "<PodPod><<no value><no value>>");
  EXPECT_EQ(Filled("{{$v := 1}}{{block \"y\" .kind}}{{.}}{{end}}{{template \"y\" $v}}"), "Pod1");
  EXPECT_EQ(Filled("{{define \"x\"}}{{template \"x\" .}}{{end}}{{template \"x\" .}}"),
            "template: output:1:25: executing \"x\" at <{{template \"x\" .}}>: exceeded maximum "
            "template depth (1000)");
  EXPECT_EQ(Filled("{{if .x}}{{define \"x\"}}{{end}}{{end}}"),
            "template: output:1: unexpected <define> in command");
  EXPECT_EQ(Filled("{{define x}}{{end}}"), "template: output:1: unexpected \"x\" in define clause");
}

TEST(GoTemplateTest, BlocksWithinTemplatesThatCallEachOtherAreBoundedToo) {
  constexpr int kBlocks = 95;
  std::string blocks, ends;
  for (int i = 0; i < kBlocks; ++i) {
    blocks += "{{range $}}";
    ends += "{{end}}";
  }
  const std::string body = blocks + "{{template \"a\" $}}" + ends;
  const auto deep = GoTemplate::Parse("{{define \"a\"}}" + body + "{{end}}{{template \"a\" .}}");
  ASSERT_TRUE(deep);
  SetThreadStacks();
  RunWithThreadStack([&] {
    const auto printed = deep->Execute(Json::array({1}), true);
    EXPECT_EQ(printed ? "printed" : printed.error().message,
              "blocks and templates are within each other more than 20000 times");
    return 0;
  });
}

TEST(GoTemplateTest, PrintsRunesAndBytes) {
  EXPECT_EQ(Filled(R"({{printf "%U %c|%3c|%b %o %x %X %T" 8364 8364 65 5 8 "hé" "hi" .kind}})"),
            "U+20AC €|  A|101 10 68c3a9 6869 string");
  EXPECT_EQ(Filled("{{urlquery .none}} {{html .none}} {{print .none}}"),
            "%3Cno+value%3E &lt;no value&gt; <nil>");
  EXPECT_EQ(Filled("{{js \"\\u2028é\\u00a0\\x7f\"}}"), "\\u2028é\\u00A0\x7f");
}

TEST(GoTemplateTest, WritesFloatsAsGoDoes) {
  EXPECT_EQ(Filled("{{1.5e-7}} {{1e-05}} {{1234567.5}} {{100000.5}}"),
            "1.5e-07 1e-05 1.2345675e+06 100000.5");
  EXPECT_EQ(Filled(R"({{printf "%e|%.3e|%8.2g|%G|%g|%.2f|%s" 1.5e-7 2.5 2.5 1.5e-7 2.5 2.5 2.5}})"),
            "1.500000e-07|2.500e+00|     2.5|1.5E-07|2.5|2.50|%!s(float64=2.5)");
}

}  // namespace
}  // namespace skiff::cli
