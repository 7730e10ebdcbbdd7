// The conversation with an admission webhook, as documents: AdmissionReview of admission.k8s.io/v1
// and v1beta1. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/patch/patch.h"
#include "api/values.h"
#include "apiserver/admission/rule_match.h"
#include "base/error.h"

namespace skiff {

// What is asked of whom about a request.
struct ReviewQuestion {
  const AdmissionRequest& request;
  const KindInfo& sent_as;   // The request's kind, or the equivalent that the webhook's rules name.
  std::string_view version;  // "v1", "v1beta1"
  std::string uid;           // Of this call alone.
};

// JSON text; the objects may be null.
std::string ReviewText(const ReviewQuestion& question, const Json& object, const Json& old_object);

struct ReviewAnswer {
  bool allowed = false;
  Json status;  // metav1.Status; null: none was given.
  std::string patch;  // "": nothing changes.
  JsonPatch operations = {};  // Of the patch, once somebody has read it (Webhooks::Hear).
  std::string patch_type = "JSONPatch";
  std::vector<std::string> warnings;
  std::map<std::string, std::string> annotations;
};

// Fails with the text behind `failed calling webhook "x": `.
Result<ReviewAnswer> ReadReview(std::string_view body, const ReviewQuestion& question,
                                bool mutating);

// What the client is told in the words of the webhook that refused: a whole metav1.Status, whose
// reason may be any word.
Json DenialStatus(std::string_view webhook, const Json& status);
// The same as far as an Error can say it.
Error DenialError(const Json& denial);

}  // namespace skiff
