// What a webhook is asked. Apart from what reads its answer, which need not know of requests.
#include "api/codec/json.h"
#include "apiserver/admission/request_document.h"
#include "apiserver/webhooks/review.h"

namespace skiff {

std::string ReviewText(const ReviewQuestion& question, const Json& object,
                       const Json& old_object) {
  Json request = RequestDocument(question.request, question.sent_as);
  request["uid"] = question.uid;
  request["object"] = object;
  request["oldObject"] = old_object;
  const Json review = {{"kind", "AdmissionReview"},
                       {"apiVersion", "admission.k8s.io/" + std::string(question.version)},
                       {"request", std::move(request)}};
  return DumpJson(review);
}

}  // namespace skiff
