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

}  // namespace skiff
