// Certificates that tests of several parts read.
#pragma once

#include <string>

namespace skiff {

// Of "ever", good until 9999, as those are that shall not end (RFC 5280, 4.1.2.5).
inline const std::string kEndless = R"(-----BEGIN CERTIFICATE-----
MIIBijCCATCgAwIBAgIUNVeVD+jf8j4BcFRndFHSDI14iiAwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEZXZlcjAgFw0yNjExMjMyMDMxNTBaGA85OTk5MTIzMTIwMzE1
MFowDzENMAsGA1UEAwwEZXZlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLEp
Ts2U8Ue/ufZbYBx/t1bdxmNEVToqSqJ3nok+/yoUw7W0QuvHvnY0Dxrth/XpNzIU
e1PLzWMPMqz+qUEFVsSjaDBmMB0GA1UdDgQWBBS4PrMrjyJCBs7kFI/T8PN/2Nco
6DAfBgNVHSMEGDAWgBS4PrMrjyJCBs7kFI/T8PN/2Nco6DAPBgNVHRMBAf8EBTAD
AQH/MBMGA1UdJQQMMAoGCCsGAQUFBwMCMAoGCCqGSM49BAMCA0gAMEUCIBbh7L1Y
Wt2/8zcr+vL3Qxkt/iLnOyz/gAn0ZZzRZR8VAiEAjlAz7Id6odCp1O5uJUSvLWn1
TYWLA05/lvtZytZCB1I=
-----END CERTIFICATE-----
)";

// An authority of X.509 version 1, which has no extensions and so no identifier of its key.
inline const std::string kPlainAuthority = R"(-----BEGIN CERTIFICATE-----
MIIBGzCBwwIUd67kUmsLfb3iklHvV7nTXOeyAYIwCgYIKoZIzj0EAwIwEDEOMAwG
A1UEAwwFcGxhaW4wIBcNMjYxMTI3MTkxMTM5WhgPMjEyNjExMDMxOTExMzlaMBAx
DjAMBgNVBAMMBXBsYWluMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+ipbxs2A
QPR/2j78GknrF3FmgkjixPJmr90Rb94U619GnA6jsLMCXwWmAivvlbvPoA8Xnt+f
TCp2q+3AOVh2MzAKBggqhkjOPQQDAgNHADBEAiB8SvPRMVTOG950iHvgbtdg7Zh4
tDSP74du8awSJn5qvwIgEhl0DiRcn2G9SJqw6La4rrXrzMOLydTPtxq8V8PPcgw=
-----END CERTIFICATE-----
)";
inline const std::string kPlainAuthorityKey = R"(-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIMd7fgf9kUtsGVDZu4+sP8Co5P45PAYkPsQdh73Sg58JoAoGCCqGSM49
AwEHoUQDQgAE+ipbxs2AQPR/2j78GknrF3FmgkjixPJmr90Rb94U619GnA6jsLMC
XwWmAivvlbvPoA8Xnt+fTCp2q+3AOVh2Mw==
-----END EC PRIVATE KEY-----
)";

}  // namespace skiff
