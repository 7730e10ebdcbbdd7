// What verbs say of themselves.
#include <algorithm>

#include "cli/json_text.h"
#include "cli/program.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

TEST_F(ProgramTest, EachVerbTellsItsFlags) {
  for (const std::string& verb : CliVerbs()) {
    EXPECT_EQ(Run(verb, {"--help"}), 0) << verb << ": " << err_;
    EXPECT_NE(out_, "") << verb;
  }
}

// A sentence for a flag: it begins like one, and ends in a stop.
void ExpectSentences(const std::string& verb, const std::string& help) {
  const std::vector<std::string> lines = Split(help, '\n');
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    if (!lines[i].starts_with("    -")) continue;
    const std::string& text = lines[i + 1];
    EXPECT_TRUE(text.size() > 3 && text[0] == '\t' && text.ends_with('.')) << verb << lines[i];
  }
}

TEST_F(ProgramTest, EachVerbSaysWhatItIsForAndSoDoesEachOfItsFlags) {
  for (const std::string& verb : CliVerbs()) {
    EXPECT_EQ(Run(verb, {"--help"}), 0) << verb << ": " << err_;
    ExpectSentences(verb, out_);
    EXPECT_EQ(out_.find("\tAccepted"), std::string::npos) << "it acts, or has no effect: " << out_;
    if (verb == "options" || verb == "plugin") continue;
    EXPECT_FALSE(out_.starts_with("Options:") || out_.starts_with("Available Commands"))
        << verb << " does not say what it is for";
  }
}

TEST_F(ProgramTest, EachVerbOfAFamilyTellsItsFlags) {
  const std::pair<const char*, std::vector<const char*>> families[] = {
      {"apply", {"edit-last-applied", "set-last-applied", "view-last-applied"}},
      {"auth", {"can-i", "reconcile", "whoami"}},
      {"certificate", {"approve", "deny"}},
      {"cluster-info", {"dump"}},
      {"config",
       {"current-context", "delete-cluster", "delete-context", "delete-user", "get-clusters",
        "get-contexts", "get-users", "rename-context", "set", "set-cluster", "set-context",
        "set-credentials", "unset", "use-context", "view"}},
      {"create",
       {"clusterrole", "clusterrolebinding", "configmap", "cronjob", "deployment", "ingress", "job",
        "namespace", "poddisruptionbudget", "priorityclass", "quota", "role", "rolebinding",
        "service", "serviceaccount", "token"}},
      {"rollout", {"history", "pause", "restart", "resume", "status", "undo"}},
      {"set", {"env", "image", "resources", "selector", "serviceaccount", "subject"}},
      {"top", {"node", "pod"}}};
  for (const auto& [family, verbs] : families) {
    EXPECT_EQ(Run(family, {"--help"}), 0) << err_;
    const std::string listed = out_;
    for (const std::string verb : verbs) {
      EXPECT_NE(listed.find("\n  " + verb + " "), std::string::npos)
          << family << " does not say what " << verb << " is for:\n"
          << listed;
      EXPECT_EQ(Run(family, {verb, "--help"}), 0) << family << " " << verb << ": " << err_;
      EXPECT_NE(out_.find("Usage:\n  kubectl " + std::string(family) + " " + verb),
                std::string::npos)
          << out_;
    }
  }
}

TEST_F(ProgramTest, AFamilyAloneTellsOfItsVerbs) {
  EXPECT_EQ(Run("rollout", {}), 1);
  EXPECT_NE(out_.find("\n  history "), std::string::npos) << "as kubectl: its output";
  EXPECT_EQ(err_, "");
  EXPECT_EQ(Run("create", {"service"}), 1);
  for (const std::string type : {"clusterip", "externalname", "loadbalancer", "nodeport"}) {
    EXPECT_NE(err_.find("\n  " + type + " "), std::string::npos) << err_;
  }
}

TEST_F(ProgramTest, AFamilyListsEachOfItsVerbsOnce) {
  EXPECT_EQ(Run("top", {"--help"}), 0) << err_;
  const std::string listed = out_.substr(0, out_.find("\n\nUsage:\n  kubectl top COMMAND"));
  EXPECT_EQ(std::count(listed.begin(), listed.end(), '\n'), 4)
      << "what it is for, a head, node and pod: " << out_;
  EXPECT_EQ(Run("top", {}), 1);
  EXPECT_EQ(err_.substr(0, listed.size()), listed) << "also where nobody asks for help";
  EXPECT_EQ(Run("create", {"secret", "--help"}), 0) << err_;
  EXPECT_NE(out_.find("\n  docker-registry     Keep "), std::string::npos) << out_;
}

TEST_F(ProgramTest, VerbsBelowAVerbTellOfThemselves) {
  EXPECT_EQ(Run("create", {"service", "--help"}), 0) << err_;
  for (const std::string type : {"clusterip", "externalname", "loadbalancer", "nodeport"}) {
    EXPECT_NE(out_.find("\n  " + type + " "), std::string::npos) << out_;
  }
  EXPECT_NE(out_.find("Usage:\n  kubectl create service COMMAND"), std::string::npos) << out_;
  EXPECT_EQ(out_.find("--node-port="), std::string::npos) << "is of one of them: " << out_;
  EXPECT_EQ(Run("create", {"service", "nodeport", "--help"}), 0) << err_;
  EXPECT_NE(out_.find("Usage:\n  kubectl create service nodeport NAME [--tcp="), std::string::npos)
      << out_;
  EXPECT_NE(out_.find("Examples:\n"), std::string::npos) << out_;
  EXPECT_NE(out_.find("--node-port="), std::string::npos) << out_;
  EXPECT_EQ(out_.find("--external-name="), std::string::npos) << out_;
}

TEST_F(ProgramTest, FlagsOfAllVerbsAreToldOfWhereTheyAreWhatAVerbIsFor) {
  EXPECT_EQ(Run("config", {"set-credentials", "--help"}), 0) << err_;
  EXPECT_NE(out_.find("    --token='':\n\t"), std::string::npos) << out_;
  EXPECT_EQ(out_.find("--kubeconfig="), std::string::npos) << out_;
  EXPECT_EQ(Run("config", {"set-cluster", "--help"}), 0) << err_;
  EXPECT_NE(out_.find("    --server='':\n\t"), std::string::npos) << out_;
  EXPECT_NE(out_.find("    --tls-server-name='':\n\t"), std::string::npos) << out_;
  EXPECT_EQ(Run("config", {"set-context", "--help"}), 0) << err_;
  EXPECT_NE(out_.find("    -n, --namespace='':\n\t"), std::string::npos) << out_;
}

TEST_F(ProgramTest, HelpShowsLettersAndArguments) {
  EXPECT_EQ(Run("convert", {"--help"}), 0);
  EXPECT_NE(out_.find("Usage:\n  skiff convert -f FILENAME [-o json|yaml|protobuf] [options]\n"),
            std::string::npos)
      << out_;
  EXPECT_EQ(Run("label", {"--help"}), 0);
  EXPECT_NE(out_.find("    -l, --selector='':\n\t"), std::string::npos) << out_;
  EXPECT_NE(out_.find("    --overwrite=false:\n\t"), std::string::npos) << out_;
  EXPECT_NE(out_.find("Usage:\n  kubectl label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1="),
            std::string::npos)
      << out_;
  EXPECT_EQ(out_.find("--kubeconfig"), std::string::npos) << out_;
  EXPECT_EQ(Run("options", {}), 0);
  EXPECT_NE(out_.find("    -n, --namespace='':\n\t"), std::string::npos) << out_;
  EXPECT_NE(out_.find("    --kubeconfig='':\n\t"), std::string::npos) << out_;
}

// Words may be wider than the terminal, and examples stay whole so that they can be copied.
void ExpectWithin(size_t columns, const std::string& verb, const std::string& help) {
  bool is_example = false;
  for (const std::string& line : Split(help, '\n')) {
    if (!line.empty() && line[0] != ' ' && line[0] != '\t') is_example = line == "Examples:";
    const size_t begin = line.find_first_not_of(" \t");
    if (is_example || begin == line.npos || line.find(' ', begin) == line.npos) continue;
    EXPECT_LE(line.size() + (line[0] == '\t' ? 7 : 0), columns) << verb << ": " << line;
  }
}

TEST_F(ProgramTest, HelpIsBrokenWithinTheTerminal) {
  columns_ = 50;
  for (const std::string& verb : CliVerbs()) {
    EXPECT_EQ(Run(verb, {"--help"}), 0) << verb << ": " << err_;
    ExpectWithin(columns_, verb, out_);
  }
  EXPECT_EQ(Run("options", {}), 0);
  ExpectWithin(columns_, "options", out_);
  EXPECT_EQ(Run("create", {"service", "--help"}), 0);
  ExpectWithin(columns_, "create service", out_);
  EXPECT_EQ(Run("cordon", {"--help"}), 0);
  EXPECT_TRUE(
      out_.ends_with("\n\nUse \"kubectl options\" for a list of global\n"
                     "    command-line options (applies to all\n    commands).\n"))
      << out_;
  columns_ = 0;
  EXPECT_EQ(Run("options", {}), 0);
  EXPECT_NE(out_.find("\n\tDo not check the server's certificate."), std::string::npos) << out_;
}

}  // namespace
}  // namespace skiff::cli
