#!/bin/sh
# One USB token as a careful user would script it: `script_pkcs11.sh MODULE CA FOLDER NUMBER`.
# CA holds ca.pem, ca.key and ca.ext; FOLDER is for what is in between. The blank token is in its place already.
set -eu
module=$1 ca=$2 work=$3 number=$4
draw() { tr -dc 0-9 </dev/urandom | head -c "$1"; }
pin=$(draw 6) puk=$(draw 8)
cd "$work"
softhsm2-util --module "$module" --init-token --free --label "Group $number" --so-pin "$puk" --pin "$pin" >/dev/null

token() { pkcs11-tool --module "$module" "$@" >/dev/null 2>&1; }
for key in 01:Authentication 02:Confidentiality; do
    id=${key%%:*} label=${key##*:}
    token --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --id "$id" --label "$label"
    token --read-object --type pubkey --id "$id" --output-file public.der
    # openssl has no PKCS#11 engine here, so there is no CSR and no proof of possession.
    openssl x509 -new -force_pubkey public.der -subj "/C=NL/O=Speed Trial/CN=Measured Group/serialNumber=$number" \
        -CA "$ca/ca.pem" -CAkey "$ca/ca.key" -extfile "$ca/ca.ext" -days 1095 -outform DER -out certificate.der
    token --login --pin "$pin" --write-object certificate.der --type cert --id "$id" --label "$label"
    token --read-object --type cert --id "$id" --output-file found.der
    cmp certificate.der found.der
    openssl dgst -sha256 -binary -out digest found.der
    token --login --pin "$pin" --sign --id "$id" -m ECDSA --signature-format openssl \
        --input-file digest --output-file signature
    openssl x509 -inform DER -in found.der -pubkey -noout >public.pem
    openssl dgst -sha256 -verify public.pem -signature signature found.der >/dev/null
done
printf '%s;%s;%s\n' "$number" "$pin" "$puk" >>codes.csv
