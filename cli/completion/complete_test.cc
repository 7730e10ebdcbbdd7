#include <gmock/gmock.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/process.h"
#include "cli/completion/scripts.h"
#include "cli/completion/shape.h"
#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class CompleteTest : public ObjectsTest {
 protected:
  CompleteTest() {
    Put(std::string(kMaps) + "abc", {{"kind", "ConfigMap"}});
    Put(std::string(kMaps) + "abd", {{"kind", "ConfigMap"}});
    Put("/api/v1/namespaces/other", {{"kind", "Namespace"}});
    Put("/api/v1/namespaces/default/pods/web",
        {{"kind", "Pod"},
         {"spec",
          {{"initContainers", {{{"name", "init"}}}}, {"containers", {{{"name", "main"}}}}}}});
  }
  std::string Asked(const std::vector<std::string>& words) {
    EXPECT_EQ(Run("__complete", words), 0) << err_;
    return out_;
  }
};

TEST_F(CompleteTest, VerbsAndTheirVerbs) {
  EXPECT_EQ(Asked({"desc"}), "describe\n:4\n");
  EXPECT_THAT(Asked({"rollout", ""}), "history\npause\nrestart\nresume\nstatus\nundo\n:4\n");
  EXPECT_THAT(Asked({"create", "secret", ""}), "docker-registry\ngeneric\ntls\n:4\n");
  EXPECT_EQ(Asked({"create", "svc", "n"}), "nodeport\n:4\n");
  EXPECT_EQ(Asked({"apply", "view"}), "view-last-applied\n:4\n");
  EXPECT_THAT(Asked({""}), Not(HasSubstr("__complete")));
}

TEST_F(CompleteTest, WhyTakesANameAlone) {
  program_ = "skiff";
  EXPECT_EQ(Asked({"why", "we"}), "web\n:4\n");
  EXPECT_EQ(Asked({"why", "po"}), "pods\n:4\n");
  EXPECT_EQ(Asked({"why", "-o", ""}), "json\nyaml\n:4\n");
  Put("/api/v1/namespaces/default/persistentvolumeclaims/data",
      {{"kind", "PersistentVolumeClaim"}});
  EXPECT_EQ(Asked({"why", "claim/"}), "claim/data\n:4\n") << "as people call them";
  EXPECT_EQ(Asked({"why", "claims", ""}), "data\n:4\n");
  EXPECT_EQ(Asked({"why", "pvc/d"}), "pvc/data\n:4\n");
}

TEST_F(CompleteTest, VerbsOfAKubercAreVerbsToo) {
  const std::string path = testing::TempDir() + "/kuberc-completed-" + std::to_string(getpid());
  std::ofstream(path) << "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"
                         "aliases:\n- {name: getmaps, command: get, prependArgs: [cm]}\n";
  variables_["KUBERC"] = path;
  variables_["KUBECTL_KUBERC"] = "";
  EXPECT_EQ(Asked({"getm"}), "getmaps\n:4\n");
  EXPECT_EQ(Asked({"getmaps", "ab"}), "abc\nabd\n:4\n");
  EXPECT_THAT(Asked({"getmaps", "--sort"}), HasSubstr("--sort-by"));
  std::filesystem::remove(path);
}

TEST_F(CompleteTest, BehindKubectlStandsWhatStandsWithoutIt) {
  programs_ = {"kubectl", "up"};
  EXPECT_EQ(Asked({"kubectl", "desc"}), "describe\n:4\n");
  EXPECT_EQ(Asked({"kubectl", "get", "cm", "ab"}), "abc\nabd\n:4\n");
  EXPECT_EQ(Asked({"kube"}), "kubectl\n:4\n");
}

TEST_F(CompleteTest, FlagsOfPrograms) {
  programs_ = {"dns", "up"};
  program_help_ =
      "Usage: skiff dns [OPTIONS]\n\nOptions:\n"
      "  --port INT=53               The port to answer on.\n"
      "  --resolv-conf TEXT=/etc/resolv.conf\n"
      "                              Whose name servers answer for all other names.\n"
      "  --docker                    As containers.\n"
      "  --http=true                 Serve it.\n"
      "\nWith --docker:\n  --port INT=53               Told again.\n";
  EXPECT_EQ(Asked({"dns", "--"}),
            "--port\tThe port to answer on.\n"
            "--resolv-conf\tWhose name servers answer for all other names.\n"
            "--docker\tAs containers.\n--http\tServe it.\n:4\n");
  EXPECT_EQ(Asked({"dns", "--docker", "--re"}),
            "--resolv-conf\tWhose name servers answer for all other names.\n:4\n");
  EXPECT_THAT(Asked({"dns", "--port", ""}), Not(HasSubstr("--"))) << "a value of it";
}

TEST_F(CompleteTest, VerbsOfPrograms) {
  programs_ = {"snapshot"};
  program_help_ =
      "usage: skiff snapshot save FILE|ls [flags]\n\nA cluster as a file.\n\n"
      "  save FILE      keep all objects of a cluster in FILE, while\n"
      "                 it runs or not\n"
      "  ls             list snapshots\n\nUsage:\n  skiff snapshot [command]\n\n"
      "Options:\n  --force                     Replace FILE.\n";
  EXPECT_EQ(Asked({"snapshot", ""}), "ls\nsave\n:4\n");
  EXPECT_EQ(helped_, "snapshot");
  EXPECT_EQ(Asked({"snapshot", "sa"}), "save\n:4\n");
  EXPECT_EQ(Asked({"snapshot", "save", ""}), ":0\n") << "files";
  EXPECT_EQ(helped_, "snapshot save");
  EXPECT_EQ(Asked({"snapshot", "save", "--f"}), "--force\tReplace FILE.\n:4\n");
}

TEST_F(CompleteTest, NamesOfObjects) {
  EXPECT_EQ(Asked({"get", "cm", "ab"}), "abc\nabd\n:4\n");
  EXPECT_EQ(Asked({"get", "cm", "abc", "ab"}), "abd\n:4\n") << "named already";
  EXPECT_EQ(Asked({"describe", "cm/ab"}), "cm/abc\ncm/abd\n:4\n");
  EXPECT_EQ(Asked({"get", "-o", "json", "cm", "ab"}), "abc\nabd\n:4\n");
  EXPECT_EQ(Asked({"-n", "default", "get", "cm", "abd"}), "abd\n:4\n");
  EXPECT_EQ(Asked({"get", "-n", "other", "cm", ""}), ":4\n");
  EXPECT_EQ(Asked({"rollout", "status", "d"}), "daemonset\ndeployment\n:4\n");
}

TEST_F(CompleteTest, PodsTheirOwnersAndContainers) {
  EXPECT_EQ(Asked({"logs", "we"}), "web\n:4\n");
  EXPECT_THAT(Asked({"logs", ""}), StartsWith("daemonsets/\ndeployments/\n"));
  EXPECT_EQ(Asked({"logs", "dep"}), "deployments/\n:6\n") << "no blank behind it";
  EXPECT_EQ(Asked({"logs", "web", ""}), "init\nmain\n:4\n");
  EXPECT_EQ(Asked({"exec", "web", "-c", "m"}), "main\n:4\n");
}

TEST_F(CompleteTest, FlagsAndTheirValues) {
  EXPECT_EQ(Asked({"get", "--output-w"}),
            "--output-watch-events\tOutput the type of each event.\n:4\n");
  EXPECT_THAT(Asked({"get", "--names"}), StartsWith("--namespace\t"));
  EXPECT_EQ(Asked({"get", "-n", "oth"}), "other\n:4\n");
  EXPECT_EQ(Asked({"get", "--namespace=oth"}), "other\n:4\n");
  EXPECT_EQ(Asked({"get", "-o", "wi"}), "wide\n:4\n");
  EXPECT_EQ(Asked({"apply", "--dry-run=s"}), "server\n:4\n");
  EXPECT_EQ(Asked({"apply", "-f", ""}), "json\nyaml\nyml\n:8\n") << "endings of files";
  EXPECT_EQ(Asked({"apply", "-k", ""}), ":16\n") << "folders";
  EXPECT_EQ(Asked({"completion", ""}), "bash\nfish\nzsh\n:4\n");
  Run("__completeNoDesc", {"get", "--output-w"});
  EXPECT_EQ(out_, "--output-watch-events\n:4\n");
}

TEST_F(CompleteTest, NamesThatEndALineOrCommandATerminalAreLeftOut) {
  Put(std::string(kMaps) + "abe\nabf\n:1", {{"kind", "ConfigMap"}});
  Put(std::string(kMaps) + "abg\x1b[2J", {{"kind", "ConfigMap"}});
  Put(std::string(kMaps) + "abh\xc2\x9b", {{"kind", "ConfigMap"}});
  EXPECT_EQ(Asked({"get", "cm", "a"}), "abc\nabd\n:4\n");
}

TEST_F(CompleteTest, WithoutAServerShellsAreLeftAlone) {
  server_ = nullptr;
  EXPECT_EQ(Asked({"get", "cm", ""}), ":4\n");
  EXPECT_EQ(err_, "");
}

// Each verb says what may follow it, and does nothing else.
TEST_F(CompleteTest, EachVerbTellsItsShape) {
  int asked = 0;
  server_ = [&](const http::Request&) {
    ++asked;
    return http::Response();
  };
  for (const std::string& verb : CliVerbs()) {
    EXPECT_EQ(Run("__complete", {verb, "-"}), 0);
    EXPECT_EQ(err_, "") << verb;
  }
  EXPECT_EQ(asked, 0);
  EXPECT_THAT(Asked({"scale", "--rep"}), StartsWith("--replicas\t"));
  EXPECT_THAT(Asked({"create", "deployment", "--imag"}), StartsWith("--image\t"));
}

TEST_F(CompleteTest, ScriptsNameTheProgram) {
  for (const char* shell : kShells) {
    const std::string script = CompletionScript(shell, "skiff");
    EXPECT_THAT(script,
                AllOf(HasSubstr("__complete"), HasSubstr("_skiff"), Not(HasSubstr("PROGRAM"))))
        << shell;
  }
  EXPECT_EQ(Run("completion", {"tcsh"}), 1);
  EXPECT_THAT(err_, StartsWith("error: Unsupported shell type \"tcsh\".\n"));
  program_ = "skiff";
  EXPECT_EQ(Run("completion", {"fihs"}), 1);
  EXPECT_THAT(err_, StartsWith("error: Unsupported shell type \"fihs\".\n\n"
                               "Did you mean this?\n\tfish\n"));
  for (const std::string shell : {"nushell", ""}) {
    EXPECT_EQ(Run("completion", {shell}), 1);
    EXPECT_THAT(err_, StartsWith("error: Unsupported shell type \"" + shell + "\".\nSee "));
  }
}

// bash itself, with a program that answers as ours does.
class BashTest : public testing::Test {
 protected:
  // What COMPREPLY is for that line, a line each.
  static std::string Completed(const std::string& line, const std::string& answer) {
    const std::string script = CompletionScript("bash", "skiff") + "\nskiff() { printf '" + answer +
                               "'; }\nCOMP_LINE='" + line +
                               "'; COMP_POINT=${#COMP_LINE}; __skiff_complete 2>/dev/null; "
                               "for each in \"${COMPREPLY[@]}\"; do echo \"$each\"; done\n";
    ProcessSpec spec;
    spec.argv = {"bash", "-c", script};
    const auto output = RunProcess(spec);
    EXPECT_TRUE(output);
    return output ? output->out : "";
  }
};

TEST_F(BashTest, TakesWhatFits) {
  EXPECT_EQ(Completed("skiff get p", "pods\\nnodes\\n:4\\n"), "pods\n");
  EXPECT_EQ(Completed("skiff get ", "pods\\tmany\\nnodes\\n:4\\n"), "pods\nnodes\n");
  EXPECT_EQ(Completed("skiff get --output=j", "json\\nyaml\\n:4\\n"), "json\n");
  EXPECT_EQ(Completed("skiff cp a:b", "a:bc\\n:4\\n"), "bc\n") << "bash replaces what is behind :";
  EXPECT_EQ(Completed("skiff get x", ":1\\n"), "");
}

TEST_F(BashTest, WhatIsInsertedIsAWordThatRunsNothing) {
  EXPECT_EQ(Completed("skiff get pdb x", "x$(id)\\n:4\\n"), "x\\$\\(id\\)\n");
  EXPECT_EQ(Completed("skiff get csr ", "~a b\\nn:a=b,c\\n:4\\n"), "\\~a\\ b\nn:a=b,c\n");
}

TEST_F(BashTest, EvaluatesNothingThatWasTyped) {
  EXPECT_EQ(Completed("skiff get $(echo pods) \\`echo x\\` ", "a\\n:4\\n"), "a\n");
}

}  // namespace
}  // namespace skiff::cli
