#include "base/flags.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

struct Values {
  int port = 6443;
  bool anonymous = true;
  std::string file;
  int verbosity = 0;
  Duration timeout = 60s;
  std::vector<std::string> modes = {"AlwaysAllow"};
};

Result<> Parse(std::vector<std::string> args, Values& values) {
  Flags flags("test");
  flags.Add("secure-port", values.port, "port");
  flags.Add("anonymous-auth", values.anonymous, "switch");
  flags.Add("token-auth-file", values.file, "file");
  flags.Add("v", values.verbosity, "level");
  flags.Add("request-timeout", values.timeout, "time");
  flags.Add("authorization-mode", values.modes, "list");
  return flags.Parse(args);
}

TEST(Flags, TakesEveryFormOfAValue) {
  Values values;
  ASSERT_TRUE(Parse({"--secure-port=1", "--token-auth-file", "x", "--anonymous-auth=false", "-v=4",
                     "--request-timeout=1m30s", "--authorization-mode=Node,RBAC"},
                    values));
  EXPECT_EQ(values.port, 1);
  EXPECT_EQ(values.file, "x");
  EXPECT_FALSE(values.anonymous);
  EXPECT_EQ(values.verbosity, 4);
  EXPECT_EQ(values.timeout, 90s);
  EXPECT_EQ(values.modes, (std::vector<std::string>{"Node", "RBAC"}));
}

TEST(Flags, TheHelpShowsWhatAValueIsAndWhatItIsWithoutTheFlag) {
  Values values;
  std::optional<bool> unknown;
  Flags flags("test");
  flags.Add("secure-port", values.port, "port");
  flags.Add("anonymous-auth", values.anonymous, "switch");
  flags.Add("either", unknown, "switch");
  flags.Add("token-auth-file", values.file, "file");
  flags.Add("request-timeout", values.timeout, "time");
  flags.Add("authorization-mode", values.modes, "list");
  flags.AddUnused({.name = "profile", .why = "so", .is_switch = true});
  // How it is put on lines is the library's affair.
  std::string help;
  for (const char c : flags.Help() + "--") {
    if (c != ' ' && c != '\n') help += c;
    if (c == ' ' && !help.ends_with(' ')) help += c;
    if (c == '\n' && !help.ends_with(' ')) help += ' ';
  }
  for (const char* flag :
       {"--secure-port INT=6443 port --", "--anonymous-auth=true switch --", "--either switch --",
        "--token-auth-file TEXT file --", "--request-timeout DURATION=1m0s time --",
        "--authorization-mode TEXT,...=AlwaysAllow list --",
        "--profile Has no effect here: so. --"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag << "\n" << help;
  }
}

TEST(Flags, AnEmptyValueIsOne) {
  Values values;
  values.file = "before";
  ASSERT_TRUE(Parse({"--token-auth-file=", "--secure-port=2", "--authorization-mode="}, values));
  EXPECT_EQ(values.file, "");
  EXPECT_EQ(values.port, 2) << "the next word is not the value";
  EXPECT_TRUE(values.modes.empty());
  EXPECT_EQ(Parse({"--secure-port=", "--anonymous-auth"}, values).error().message,
            "invalid argument \"\" for \"--secure-port\" flag: strconv.ParseInt: parsing \"\": "
            "invalid syntax");
  ASSERT_TRUE(Parse({"--token-auth-file", "", "--secure-port", "3"}, values));
  EXPECT_EQ(values.port, 3);
  EXPECT_EQ(Parse({"--token-auth-file=", "stray"}, values).error().message,
            "unknown command \"stray\"");
}

TEST(Flags, AToolOfOurOwnThatTakesNoWordsSaysHowItIsUsed) {
  const auto said = [](const std::string& word) {
    std::string directory;
    Flags flags("skiff down");
    flags.Add("data-dir", directory, "where");
    const auto parsed = flags.Parse({word});
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(said("foo"),
            "unexpected argument \"foo\"; usage: skiff down [flags], see skiff down --help");
  EXPECT_EQ(said("data-dir=x"), "unexpected argument \"data-dir=x\"; is --data-dir=x meant?");
}

TEST(Flags, WhatIsNoValueIsSaidInWordsWhereNobodyElseHasAny) {
  const auto parse = [](const std::string& arg) {
    int nodes = 0;
    double part = 0;
    bool on = false;
    Duration wait{};
    Flags flags("test");
    flags.Add("nodes", nodes, "");
    flags.Add("part", part, "");
    flags.Add("on", on, "");
    flags.Add("wait", wait, "");
    flags.SpeakPlainly();
    const auto parsed = flags.Parse({arg});
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(parse("--nodes=3"), "");
  EXPECT_EQ(parse("--nodes=abc"),
            "invalid argument \"abc\" for \"--nodes\" flag: it must be a whole number");
  EXPECT_EQ(parse("--nodes=99999999999"),
            "invalid argument \"99999999999\" for \"--nodes\" flag: there is no such number");
  EXPECT_EQ(parse("--part=x"), "invalid argument \"x\" for \"--part\" flag: it must be a number");
  EXPECT_EQ(parse("--on=maybe"),
            "invalid argument \"maybe\" for \"--on\" flag: it must be true or false");
  EXPECT_EQ(parse("--wait=1h30m"), "");
  for (const std::string value : {"5", "soon", "5 minutes", "99999999h"}) {
    EXPECT_EQ(parse("--wait=" + value),
              "invalid argument \"" + value +
                  "\" for \"--wait\" flag: it must be a duration, such as 90s, 5m or 1h30m");
  }
}

TEST(Flags, WhatHasNoEffectMustStillBeAValue) {
  const auto parse = [](const std::string& arg) {
    Flags flags("test");
    flags.AddUnused({.name = "inflight", .why = "x", .value = UnusedValue::kNotNegative});
    flags.AddUnused({.name = "timeout", .why = "x", .value = UnusedValue::kNotNegativeDuration});
    const auto parsed = flags.Parse({arg});
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(parse("--inflight=0"), "");
  EXPECT_EQ(parse("--inflight=-1"), "--inflight can not be negative value");
  EXPECT_EQ(parse("--inflight=many"),
            "invalid argument \"many\" for \"--inflight\" flag: strconv.ParseInt: parsing "
            "\"many\": invalid syntax");
  EXPECT_EQ(parse("--timeout=1m"), "");
  EXPECT_EQ(parse("--timeout=-1m"), "--timeout can not be negative value");
  EXPECT_EQ(parse("--timeout=soon"),
            "invalid argument \"soon\" for \"--timeout\" flag: time: invalid duration \"soon\"");
}

TEST(Flags, KeepsDefaults) {
  Values values;
  ASSERT_TRUE(Parse({"--anonymous-auth"}, values));
  EXPECT_TRUE(values.anonymous);
  EXPECT_EQ(values.port, 6443);
}

TEST(Flags, TakesUnderscoresBetweenWords) {
  Values values;
  ASSERT_TRUE(
      Parse({"--secure_port=1", "--token_auth_file", "a_b", "--anonymous_auth=false"}, values));
  EXPECT_EQ(values.port, 1);
  EXPECT_EQ(values.file, "a_b");
  EXPECT_FALSE(values.anonymous);
  EXPECT_EQ(Parse({"--api_servers=x"}, values).error().message, "unknown flag: --api_servers");
}

TEST(Flags, OurOwnProgramsSayWhatCouldHaveBeenMeant) {
  int nodes = 0;
  Flags flags("skiff up");
  flags.Add("nodes", nodes, "how many");
  EXPECT_EQ(flags.Parse({"--noeds=3"}).error().message, "unknown flag: --noeds; is --nodes meant?");
  EXPECT_EQ(flags.Parse({"--others=3"}).error().message,
            "unknown flag: --others; see skiff up --help");
  EXPECT_EQ(flags.Parse({"-o", "json"}).error().message,
            "unknown shorthand flag: 'o' in -o; see skiff up --help");
  EXPECT_EQ(flags.Parse({"-nodes=3"}).error().message,
            "unknown shorthand flag: 'n' in -nodes=3; is --nodes meant?");
  EXPECT_EQ(flags.Parse({"-noeds", "3"}).error().message,
            "unknown shorthand flag: 'n' in -noeds; is --nodes meant?");
  EXPECT_EQ(flags.Parse({"--halp"}).error().message, "unknown flag: --halp; is --help meant?");
  EXPECT_EQ(flags.Parse({"-verison"}).error().message,
            "unknown shorthand flag: 'v' in -verison; is --version meant?");
  Flags verb("skiff get");
  verb.LeaveOutHelp();
  EXPECT_EQ(verb.Parse({"--halp"}).error().message, "unknown flag: --halp; is --help meant?");
  EXPECT_EQ(verb.Parse({"--verison"}).error().message, "unknown flag: --verison");
  EXPECT_EQ(Flags("kubectl get").Parse({"--halp"}).error().message, "unknown flag: --halp");
  std::vector<std::string> words;
  EXPECT_EQ(flags.Parse({"save", "--others=3"}, &words).error().message,
            "unknown flag: --others; see skiff up --help");
  flags.LeaveOutHelp();
  EXPECT_EQ(flags.Parse({"--others=3"}, &words).error().message, "unknown flag: --others");
  EXPECT_EQ(flags.Parse({"--noeds=3"}).error().message, "unknown flag: --noeds; is --nodes meant?");
}

TEST(Flags, ABeginningIsTakenForANameOnlyWhereItsWordsAreWhole) {
  std::string value;
  Flags flags("skiff logs");
  for (const char* name : {"namespace", "pod-running-timeout", "cert", "certificate-authority",
                           "server", "user", "label-columns", "replicas", "selector"}) {
    flags.Add(name, value, "What.");
  }
  flags.Ignore("log-level", "there are none");
  for (const auto& [typed, meant] :
       std::vector<std::pair<std::string, std::string>>{{"name", ""},
                                                        {"pod", ""},
                                                        {"log", ""},
                                                        {"ser", ""},
                                                        {"certificate", "cert"},
                                                        {"label", "selector"},
                                                        {"replica", "replicas"},
                                                        {"user-name", "user"},
                                                        {"label-column", "label-columns"},
                                                        {"usr", "user"}}) {
    const std::string end =
        meant.empty() ? "; see skiff logs --help" : "; is --" + meant + " meant?";
    EXPECT_EQ(flags.Parse({"--" + typed + "=x"}).error().message, "unknown flag: --" + typed + end);
  }
}

TEST(Flags, TheBeginningOfANameMayHaveBeenMeantForIt) {
  std::string value;
  Flags flags("skiff top pod");
  flags.Add("sort-by", value, "By what.");
  flags.Add("show-labels", value, "Whether.");
  flags.Add("show-kind", value, "Whether.");
  EXPECT_EQ(flags.Parse({"--sort=cpu"}).error().message,
            "unknown flag: --sort; is --sort-by meant?");
  EXPECT_EQ(flags.Parse({"--show"}).error().message,
            "unknown flag: --show; see skiff top pod --help");
}

TEST(Flags, WhereTheHelpIsIsSaidWithoutArguments) {
  std::vector<std::string> words;
  EXPECT_EQ(Flags("skiff snapshot save FILE").Parse({"--foo"}, &words).error().message,
            "unknown flag: --foo; see skiff snapshot save --help");
  EXPECT_EQ(Flags("skiff snapshot ls [FILE...]").Parse({"--foo"}, &words).error().message,
            "unknown flag: --foo; see skiff snapshot ls --help");
}

TEST(Flags, AFlagOfOneLetterIsNamedWithItsShortForm) {
  int level = 0;
  Flags flags("skiff up");
  flags.Add("v", level, "Log verbosity.");
  EXPECT_EQ(flags.Parse({"--v=x"}).error().message,
            "invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"x\": invalid "
            "syntax");
}

TEST(Flags, SaysWhatIsWrongInKubernetesWords) {
  Values values;
  EXPECT_EQ(Parse({"--nope=1"}, values).error().message, "unknown flag: --nope");
  EXPECT_EQ(Parse({"--secure-prot=1"}, values).error().message, "unknown flag: --secure-prot");
  EXPECT_EQ(Parse({"--secure-port"}, values).error().message,
            "flag needs an argument: --secure-port");
  EXPECT_EQ(Parse({"--secure-port=x"}, values).error().message,
            "invalid argument \"x\" for \"--secure-port\" flag: strconv.ParseInt: parsing \"x\": "
            "invalid syntax");
}

TEST(Flags, WithoutEffectIsSaidAndARestrictionRefused) {
  const auto parse = [](std::vector<std::string> args, std::vector<std::string>& notes) {
    Flags flags("test");
    flags.NoteTo(notes);
    flags.AddUnused({"profiling", "nothing is profiled", {"false"}, /*is_switch=*/true});
    flags.AddUnused({.name = "cloud-provider", .why = "there are no clouds"});
    flags.AddUnused({"pod-max-pids", "nothing limits them", {"-1"}, false, /*is_refused=*/true});
    return flags.Parse(args);
  };
  std::vector<std::string> notes;
  ASSERT_TRUE(parse({"--profiling=0", "--pod-max-pids=-1"}, notes));
  EXPECT_EQ(notes, std::vector<std::string>{});
  ASSERT_TRUE(parse({"--profiling", "--cloud_provider", "aws"}, notes));
  EXPECT_EQ(notes,
            (std::vector<std::string>{"--profiling=true has no effect: nothing is profiled",
                                      "--cloud-provider=aws has no effect: there are no clouds"}));
  EXPECT_EQ(parse({"--pod-max-pids=100"}, notes).error().message,
            "invalid argument \"100\" for \"--pod-max-pids\" flag: it cannot be had here, and must "
            "not be ignored: nothing limits them");
  EXPECT_EQ(parse({"--profiling=maybe"}, notes).error().message,
            "invalid argument \"maybe\" for \"--profiling\" flag: strconv.ParseBool: parsing "
            "\"maybe\": invalid syntax");
}

TEST(Flags, ADurationThatNobodyHasSaidHasNoDefault) {
  std::optional<Duration> length;
  Flags flags("test");
  flags.Add("for", length, "how long");
  EXPECT_EQ(flags.Help().find("0s"), std::string::npos) << flags.Help();
  ASSERT_TRUE(flags.Parse({"--for=90s"}));
  EXPECT_EQ(length, Duration(90s));
  EXPECT_FALSE(flags.Parse({"--for=soon"}));
}

TEST(Flags, ReadsGoDurations) {
  EXPECT_EQ(*ParseGoDuration("1h2m3.5s"), 3723500ms);
  EXPECT_EQ(ParseGoDuration("10").error().message, "time: missing unit in duration \"10\"");
  EXPECT_EQ(ParseGoDuration("x").error().message, "time: invalid duration \"x\"");
  EXPECT_EQ(*ParseGoDuration(".5s"), 500ms);
  EXPECT_EQ(*ParseGoDuration("1.s"), 1s);
}

// Whoever sends a request may give it such a time.
TEST(Flags, NoTextEndsAnythingThatIsNoDuration) {
  for (const std::string& text : {std::string("..s"), std::string(".s"), std::string(".."),
                                  std::string(400, '9') + "h", std::string(400, '9') + ".9h"}) {
    EXPECT_EQ(ParseGoDuration(text).error().message, "time: invalid duration \"" + text + "\"");
  }
  EXPECT_EQ(ParseGoDuration("1..2s").error().message, "time: missing unit in duration \"1..2s\"");
}

TEST(Flags, KeepsBracketsInValues) {
  std::string patch;
  std::vector<std::string> each;
  Flags flags("test");
  flags.Add("patch", patch, "");
  flags.AddEach("rule", each, "");
  const std::string list = R"([{"op":"remove","path":"/a"},{"op":"test"}])";
  ASSERT_TRUE(flags.Parse({"--patch=" + list, "--rule", "[a,b]"}));
  EXPECT_EQ(patch, list);
  EXPECT_EQ(each, std::vector<std::string>{"[a,b]"});
}

}  // namespace
}  // namespace skiff
