// Command lines that help tells of: each verb has some, and each is one that the verb takes.
#include "cli/examples.h"

#include <gmock/gmock.h>

#include <set>

#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// As a shell takes it apart: by spaces, but for what stands in quotes.
std::vector<std::string> WordsOf(std::string_view line) {
  std::vector<std::string> words = {""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

class ExamplesTest : public ProgramTest {
 protected:
  // Those that do something by themselves: a family without words of its own only lists its verbs.
  void Collect(const std::string& verb, std::set<std::string>& verbs) {
    const std::vector<std::string> words = WordsOf(verb);
    std::vector<std::string> args(words.begin() + 1, words.end());
    args.emplace_back("--help");
    ASSERT_EQ(Run(words[0], args), 0) << verb << ": " << err_;
    const std::string help = out_;
    const bool is_family = help.find(" " + verb + " COMMAND [options]\n") != help.npos;
    if (!is_family && (help.find("Usage:\n  kubectl " + verb) != help.npos ||
                       help.find("Usage:\n  skiff " + verb) != help.npos)) {
      verbs.insert(verb);
    }
    const size_t listed = help.find("Available Commands");
    if (listed == help.npos) return;
    for (const std::string& line : Split(std::string_view(help).substr(listed), '\n')) {
      if (line.empty()) break;
      if (!line.starts_with("  ")) continue;
      Collect(verb + " " + line.substr(2, line.find(' ', 2) - 2), verbs);
    }
  }
};

TEST_F(ExamplesTest, EachVerbHasSome) {
  std::set<std::string> verbs;
  for (const std::string& verb : CliVerbs()) {
    if (verb != "options" && verb != "plugin" && verb != "alpha") Collect(verb, verbs);
  }
  EXPECT_GT(verbs.size(), 90U);
  std::set<std::string, std::less<>> told;
  for (const Example& each : Examples()) told.emplace(each.verb);
  for (const std::string& verb : verbs) {
    // They list what they have below, and take no flags of their own that anybody needs.
    if (verb == "create secret" || verb == "create service" || verb == "alpha kuberc") continue;
    EXPECT_TRUE(told.contains(verb)) << verb;
  }
}

TEST_F(ExamplesTest, EachIsALineThatItsVerbTakes) {
  // Where those that write files of the user's cannot.
  for (const char* variable : {"HOME", "KUBECONFIG", "KUBERC"}) variables_[variable] = "/proc/none";
  for (const Example& each : Examples()) {
    EXPECT_TRUE(each.line.starts_with(each.verb)) << each.line;
    // What follows is the shell's.
    const std::vector<std::string> words = WordsOf(each.line.substr(0, each.line.find(" > ")));
    Run(words[0], {words.begin() + 1, words.end()});
    for (const char* wrong : {"unknown flag", "unknown shorthand", "unknown command",
                              "invalid argument", "required flag", "See '", "for usage"}) {
      EXPECT_THAT(err_, Not(HasSubstr(wrong))) << each.line;
    }
  }
}

TEST_F(ExamplesTest, HelpHasThemBeforeTheFlags) {
  EXPECT_EQ(Run("rollout", {"undo", "--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("\n\nExamples:\n  # One revision back\n"
                              "  kubectl rollout undo deployment/web\n\n"
                              "  # To a certain one\n"
                              "  kubectl rollout undo deployment/web --to-revision=2\n\n"
                              "Options:\n"));
}

TEST_F(ExamplesTest, WhoNamesAFileWithoutItsFlagIsToldTheFlag) {
  program_ = "skiff";
  EXPECT_EQ(Run("apply", {"/etc/passwd"}), 1);
  EXPECT_THAT(err_, HasSubstr("Did you mean this?\n\t-f /etc/passwd\n"));
  server_ = ServerOf("apps", {}, {});
  EXPECT_EQ(Run("get", {}), 1);
  EXPECT_THAT(err_, HasSubstr("See 'skiff get -h' for help and examples\n"));
  EXPECT_THAT(err_, Not(HasSubstr("kubectl")));
  program_ = "kubectl";
  EXPECT_EQ(Run("apply", {"/etc/passwd"}), 1);
  EXPECT_THAT(err_, Not(HasSubstr("Did you mean")));
}

TEST_F(ExamplesTest, WhoTypesAKindAloneIsToldTheVerb) {
  program_ = "skiff";
  EXPECT_EQ(Run("pods", {}), 1);
  EXPECT_EQ(err_,
            "error: unknown command \"pods\" for \"skiff\"\n\n"
            "Did you mean this?\n\tget pods\n");
  EXPECT_EQ(Run("deploy", {}), 1);
  EXPECT_THAT(err_, HasSubstr("\tget deploy\n"));
  program_ = "kubectl";
  EXPECT_EQ(Run("pods", {}), 1);
  EXPECT_THAT(err_, Not(HasSubstr("get pods")));
}

}  // namespace
}  // namespace skiff::cli
