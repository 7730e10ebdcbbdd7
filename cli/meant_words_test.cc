// What is said of a word that is no verb, no kind and no topic of the help.
#include <gmock/gmock.h>

#include "cli/command.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using MeantWordsTest = ProgramTest;

TEST_F(MeantWordsTest, WordsOfSkiffsOwnMayHaveBeenMeant) {
  EXPECT_EQ(Run("compos", {}), 1);
  EXPECT_EQ(err_, "error: unknown command \"compos\" for \"kubectl\"\n");
  program_ = "skiff";
  programs_ = {"status", "doctor"};
  EXPECT_EQ(Run("staus", {}), 1);
  EXPECT_EQ(err_,
            "error: unknown command \"staus\" for \"skiff\"\n\nDid you mean this?\n\tstatus\n");
  EXPECT_EQ(Run("gt", {}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\n\nDid you mean this?\n\tget\n"));
  EXPECT_EQ(Run("compos", {}), 1);
  EXPECT_EQ(err_,
            "error: unknown command \"compos\" for \"skiff\"\n\nDid you mean this?\n\tcompose\n");
}

TEST_F(MeantWordsTest, WordsOfOtherProgramsHaveVerbsOfOurs) {
  for (const auto& [word, meant] :
       std::vector<std::pair<std::string, std::string>>{{"list", "\tget\n\twait\n"},
                                                        {"ps", "\tget\n\tcp\n\twait\n"},
                                                        {"rm", "\trun\n\tdelete\n\tcp\n"},
                                                        {"debgu", "\tdebug\n"}}) {
    EXPECT_EQ(Run(word, {}), 1);
    EXPECT_EQ(err_, "error: unknown command \"" + word +
                        "\" for \"kubectl\"\n\nDid you mean this?\n" + meant);
  }
}

TEST_F(MeantWordsTest, TheNearestVerbIsSaidOrWhatOtherProgramsCallSo) {
  program_ = "skiff";
  programs_ = {"up", "down", "dns"};
  for (const auto& [word, meant] :
       std::vector<std::pair<std::string, std::string>>{{"gte", "\tget\n"},
                                                        {"dow", "\tdown\n"},
                                                        {"ps", "\tget\n"},
                                                        {"start", "\tup\n"},
                                                        {"stop", "\tdown\n"},
                                                        {"rm", "\tdelete\n"},
                                                        {"list", "\tget\n"},
                                                        {"desc", "\tdescribe\n"}}) {
    EXPECT_EQ(Run(word, {}), 1);
    EXPECT_THAT(err_, testing::EndsWith("\n\nDid you mean this?\n" + meant)) << word;
  }
}

TEST_F(MeantWordsTest, WhatToTypeNextIsOfTheProgramThatWasCalled) {
  server_ = ServerOf("example.com", {{"deployments", "Deployment"}}, {});
  for (const std::string program : {"kubectl", "skiff"}) {
    program_ = program;
    EXPECT_EQ(Run("config", {"get-contexts", "-o", "wide"}), 1);
    EXPECT_THAT(err_, HasSubstr("not available in " + program + " config get-contexts;"));
    EXPECT_EQ(Run("get", {"pods", "deployment/web"}), 1);
    EXPECT_THAT(err_,
                HasSubstr("(e.g. '" + program + " get resource/<resource_name>' instead of '" +
                          program + " get resource "));
  }
}

TEST_F(MeantWordsTest, ErrorsNameTheProgramThatWasCalled) {
  program_ = "skiff";
  EXPECT_EQ(Run("create", {"deployment", "web"}), 1);
  EXPECT_EQ(err_,
            "error: required flag(s) \"image\" not set\n"
            "See 'skiff create deployment --help' for usage.\n");
  EXPECT_EQ(Run("exec", {"web", "ls"}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\nSee 'skiff exec -h' for help and examples\n"));
  EXPECT_EQ(Run("describe", {}), 1);
  EXPECT_THAT(err_, HasSubstr("Use \"skiff api-resources\" for"));
}

TEST_F(MeantWordsTest, AKindBeforeItsVerbStandsInItsPlace) {
  program_ = "skiff";
  EXPECT_EQ(Run("deployment", {"create", "web", "--image=nginx"}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\n\nDid you mean this?\n\tcreate deployment\n"));
  EXPECT_EQ(Run("pods", {"list"}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\n\nDid you mean this?\n\tget pods\n"));
  for (const auto& [line, meant] : std::vector<std::pair<Args, std::string>>{
           {{"pod", "run", "web"}, "get pod"},
           {{"pod", "logs", "web"}, "get pod"},
           {{"pods", "rm", "web"}, "delete pods"},
           {{"svc", "web", "delete"}, "delete svc"},
           {{"pod", "web", "describe"}, "describe pod"},
           {{"pod", "inspect", "web"}, "describe pod"},
           {{"deploy", "-n", "x", "scale"}, "scale deploy"}}) {
    EXPECT_EQ(Run(line[0], Args(line.begin() + 1, line.end())), 1) << meant;
    EXPECT_THAT(err_, testing::EndsWith("\n\nDid you mean this?\n\t" + meant + "\n"));
  }
  EXPECT_EQ(Run("create", {"service", "nodprt", "web"}), 1);
  EXPECT_THAT(err_, HasSubstr("\n\nDid you mean this?\n\tnodeport\n"));
  EXPECT_EQ(Run("helo", {}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\n\nDid you mean this?\n\thelp\n"));
}

TEST_F(MeantWordsTest, HelpOnAWordThatIsNoneSaysWhichMayHaveBeenMeant) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(KubectlMain({"help", "dwon"}, {.name = "skiff", .programs = {"up", "down"}}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "Unknown help topic [`dwon`]\n\nDid you mean this?\n\tdown\n\n"
            "`skiff --help` lists all words.\n");
}

TEST_F(MeantWordsTest, HelpOnHelpIsOfHelpItself) {
  for (const Args& line : {Args{"help", "help"}, Args{"help", "--help"}, Args{"help", "-h"}}) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(KubectlMain(line), 0);
    EXPECT_THAT(testing::internal::GetCapturedStdout(),
                HasSubstr("\n\nUsage:\n  kubectl help [command] [flags] [options]\n"));
  }
}

TEST_F(MeantWordsTest, WhereNoWordIsNearItIsSaidWhereAllAre) {
  EXPECT_EQ(Run("instal", {}), 1);
  EXPECT_EQ(err_, "error: unknown command \"instal\" for \"kubectl\"\n");
  program_ = "skiff";
  EXPECT_EQ(Run("instal", {}), 1);
  EXPECT_EQ(err_,
            "error: unknown command \"instal\" for \"skiff\"\n\n"
            "`skiff --help` lists all words.\n");
}

TEST_F(MeantWordsTest, HelpKnowsTheOtherNamesOfAVerb) {
  for (const auto& [words, usage] : std::vector<std::pair<Args, std::string>>{
           {{"help", "create", "svc", "nodeport"}, "kubectl create service nodeport NAME"},
           {{"help", "create", "cm"}, "kubectl create configmap NAME"},
           {{"help", "create", "secret", "tls", "more"}, "kubectl create secret tls NAME"},
           {{"help", "create", "foo", "cm"}, "kubectl create -f FILENAME"},
           {{"help", "get", "pods"}, "kubectl get "}}) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(KubectlMain(words), 0);
    EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("Usage:\n  " + usage));
  }
}

TEST_F(MeantWordsTest, TheNearestVerbBelowAVerbIsSaidUnderOurOwnNameAlone) {
  EXPECT_EQ(Run("rollout", {"restat", "deploy/web"}), 1);
  EXPECT_EQ(err_,
            "error: unknown command \"restat deploy/web\"\n"
            "See 'kubectl rollout -h' for help and examples\n");
  EXPECT_EQ(Run("certificate", {"aprove", "web"}), 0);
  program_ = "skiff";
  EXPECT_EQ(Run("rollout", {"restat", "deploy/web"}), 1);
  EXPECT_EQ(err_, "error: unknown command \"restat deploy/web\"\n\n"
                  "Did you mean this?\n\trestart\n\n"
                  "See 'skiff rollout -h' for help and examples\n");
  EXPECT_EQ(Run("create", {"deploymnt", "web"}), 1);
  EXPECT_EQ(err_, "error: Unexpected args: [deploymnt web]\n\nDid you mean this?\n\tdeployment\n\n"
                  "See 'skiff create -h' for help and examples\n");
  for (const auto& [words, meant] : std::vector<std::pair<Args, std::string>>{
           {{"config", "curent-context"}, "current-context"},
           {{"create", "secret", "genric"}, "generic"},
           {{"apply", "viw-last-applied"}, "view-last-applied"},
           {{"certificate", "aprove"}, "approve"},
           {{"auth", "can-j"}, "can-i"}}) {
    EXPECT_EQ(Run(words[0], Args(words.begin() + 1, words.end())), 1) << meant;
    EXPECT_THAT(err_, HasSubstr("\n\nDid you mean this?\n\t" + meant + "\n\nSee 'skiff "));
  }
}

TEST_F(MeantWordsTest, TheNearestKindIsSaidUnderOurOwnNameAlone) {
  server_ = ServerOf("example.com", {{"widgets", "Widget"}, {"widgetclasses", "WidgetClass"}}, {});
  const std::string podz = "error: the server doesn't have a resource type \"podz\"\n";
  EXPECT_EQ(Run("get", {"podz"}), 1);
  EXPECT_EQ(err_, podz);
  program_ = "skiff";
  for (const Args& line : {Args{"get", "podz"}, Args{"get", "podz/web"}, Args{"describe", "podz"},
                           Args{"delete", "podz", "web"}, Args{"why", "podz/web"}}) {
    EXPECT_EQ(Run(line[0], Args(line.begin() + 1, line.end())), 1) << line[0];
    EXPECT_EQ(err_, podz + "\nDid you mean this?\n\tpods\n") << line[0];
  }
  EXPECT_EQ(Run("explain", {"podz"}), 1);
  EXPECT_EQ(err_, "the server doesn't have a resource type \"podz\"\n\nDid you mean this?\n"
                  "\tpods\n");
  for (const auto& [word, meant] : std::vector<std::pair<std::string, std::string>>{
           {"PODZ", "\tpods\n"},
           {"widgts", "\twidgets\n"},
           {"widg", "\twidgets\n\twidgetclasses\n"}}) {
    EXPECT_EQ(Run("get", {word}), 1);
    EXPECT_THAT(err_, testing::EndsWith("\"\n\nDid you mean this?\n" + meant));
  }
  EXPECT_EQ(Run("get", {"foo"}), 1);
  const std::string hint =
      "`skiff api-resources` lists those it has; one object is TYPE/NAME, as in deployment/web\n";
  EXPECT_EQ(err_, "error: the server doesn't have a resource type \"foo\"\n" + hint);
  EXPECT_EQ(Run("explain", {"foo"}), 1);
  EXPECT_EQ(err_,
            "the server doesn't have a resource type \"foo\"\n`skiff api-resources` lists those it "
            "has; a field of one is TYPE.FIELD, as in deployment.spec\n");
  EXPECT_EQ(Run("rollout", {"status", "foo"}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\"foo\"\n" + hint));
  EXPECT_EQ(Run("get", {"foo/web"}), 1);
  EXPECT_EQ(err_, "error: the server doesn't have a resource type \"foo\"\n");
}

}  // namespace
}  // namespace skiff::cli
