// Why a CertificateSigningRequest has no certificate: whom it waits for.
#include <fmt/format.h>

#include <algorithm>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// Other signers may have names that begin alike.
bool IsOfControllerManager(std::string_view signer) {
  constexpr std::string_view kSigners[] = {
      "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet",
      "kubernetes.io/kubelet-serving", "kubernetes.io/legacy-unknown"};
  return std::find(std::begin(kSigners), std::end(kSigners), signer) != std::end(kSigners);
}

void AddVerdict(const Json& request, const char* type, const char* clause, Findings& out) {
  const Json& condition = Condition(request, type);
  if (TextAt(condition, "status") != "True") return;
  Finding finding;
  finding.cause = type;
  const std::string message = OneLine(TextAt(condition, "message"));
  finding.sentence = fmt::format("{} {}{}", Named(request), clause,
                                 message.empty() ? ", and nobody said why" : ": " + message);
  finding.Saw(fmt::format("{} ({})", type, TextAt(condition, "reason")), "status.conditions");
  out.push_back(std::move(finding));
}

void ExplainUnapproved(const Facts& facts, const Json& request, Findings& out) {
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "NotApproved";
  finding.sentence = fmt::format("{} waits for somebody to approve it", Named(request));
  finding.Saw(fmt::format("asked {} ago by {}",
                          Age(facts, TextAt(request, "metadata", "creationTimestamp")),
                          TextAt(request, "spec", "username")),
              "spec.username");
  finding.Saw(TextAt(request, "spec", "signerName"), "spec.signerName");
  const std::string name = ShellWord(NameOf(request));
  finding.Try(fmt::format("skiff describe certificatesigningrequest {}", name));
  finding.Try(fmt::format("skiff certificate approve {}", name));
  out.push_back(std::move(finding));
}

void ExplainUnsigned(const Facts& facts, const Json& request, Findings& out) {
  const std::string signer = TextAt(request, "spec", "signerName");
  const bool is_own = IsOfControllerManager(signer);
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "NotSigned";
  finding.sentence =
      is_own ? fmt::format("{} is approved, and the controller manager has not signed it yet",
                           Named(request))
             : fmt::format(
                   "{} is approved, and waits for {} to sign it: nobody of the cluster's "
                   "own does that for this signer; does that program run?",
                   Named(request), signer);
  finding.Saw(signer, "spec.signerName");
  finding.Saw(fmt::format("for {}",
                          Age(facts, TextAt(Condition(request, "Approved"), "lastTransitionTime"))),
              "condition Approved");
  out.push_back(std::move(finding));
}

}  // namespace

void ExplainSigningRequest(const Facts& facts, const Json& request, Findings& out) {
  Findings own;
  AddVerdict(request, "Denied", "was denied", own);
  AddVerdict(request, "Failed", "was refused by its signer", own);
  const bool is_approved = TextAt(Condition(request, "Approved"), "status") == "True";
  if (own.empty() && !TextAt(request, "status", "certificate").empty()) {
    Finding finding;
    finding.weight = Weight::kFine;
    finding.cause = "Fine";
    finding.sentence = fmt::format("{} is approved and signed; nothing is wrong", Named(request));
    finding.Saw(TextAt(request, "spec", "signerName"), "spec.signerName");
    own.push_back(std::move(finding));
  } else if (own.empty() && is_approved) {
    ExplainUnsigned(facts, request, own);
  } else if (own.empty()) {
    ExplainUnapproved(facts, request, own);
  }
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
