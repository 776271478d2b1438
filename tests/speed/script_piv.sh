#!/bin/sh
# One PIV card as a careful user would script it with OpenSC: `script_piv.sh CA FOLDER NUMBER`.
# CA holds ca.pem, ca.key and ca.ext, FOLDER also the factory's management key (PIV_EXT_AUTH_KEY).
set -eu
ca=$1 work=$2 number=$3
cd "$work"
hex() { od -An -v -tx1 | tr -d ' \n'; }
bytes() { tr a-f A-F | basenc --base16 -d; }
apart() { sed 's/../&:/g; s/:$//'; }
padded() { printf '%s' "$1" | hex | sed 's/$/ffffffffffffffff/' | cut -c1-16; }
draw() { tr -dc 0-9 </dev/urandom | head -c "$1"; }
pin=$(draw 6) puk=$(draw 8) guid=$(head -c 16 /dev/urandom | hex)
management=$(head -c 24 /dev/urandom | hex)

manage() { piv-tool -A M:9B:03 "$@" 2>/dev/null; }
# piv-tool's exit code is the number of bytes written.
write() { manage "$@" >/dev/null || true; }
answer() { sed -n '/^\([0-9A-F][0-9A-F] \)\{1,16\}/p' | cut -c1-48 | tr -d ' \n'; }
send() { opensc-tool "$@" 2>/dev/null; }
good() { test "$(grep -c 'SW1=0x90, SW2=0x00')" -eq "$1"; }

fascn=d4e739da739ced39ce739d836858210842108421c84210c3eb
printf '533b3019%s3410%s350839393939313233313e00fe00' "$fascn" "$guid" | bytes >chuid
write -O 3000 -i chuid
for key in 9A 9D; do
    # piv-tool makes keys, but with OpenSSL 3 it cannot write their public halves down: the APDU can.
    point=$(manage -s "00:47:00:$key:0B:AC:09:80:01:11:AA:01:02:AB:01:01" | answer | cut -c11-140)
    printf '3059301306072a8648ce3d020106082a8648ce3d030107034200%s' "$point" | bytes >public.der
    # openssl has no PKCS#11 engine here, so there is no CSR and no proof of possession.
    openssl x509 -new -force_pubkey public.der -subj "/C=NL/O=Speed Trial/CN=Measured Group/serialNumber=$number" \
        -CA "$ca/ca.pem" -CAkey "$ca/ca.key" -extfile "$ca/ca.ext" -days 1095 -outform DER -out certificate.der
    openssl x509 -inform DER -in certificate.der -out certificate.pem
    write -C "$key" -i certificate.pem
done
# No tool sets a management key, so it goes as an APDU, in the argument list like every code here.
manage -s "00:FF:FF:FF:1B:03:9B:18:$(printf '%s' "$management" | apart)" | good 1
send -s "00:24:00:81:10:$(printf '3132333435363738%s' "$(padded "$puk")" | apart)" \
    -s "00:24:00:80:10:$(printf '313233343536ffff%s' "$(padded "$pin")" | apart)" | good 2
for key in 9A 9D; do
    case $key in 9A) id=01 ;; *) id=03 ;; esac
    pkcs15-tool --read-certificate "$id" --output found.pem >/dev/null 2>&1
    openssl x509 -in found.pem -pubkey -noout >public.pem
    openssl dgst -sha256 -binary -out digest found.pem
    send -s "00:20:00:80:08:$(padded "$pin" | apart)" \
        -s "00:87:11:$key:26:7C:24:82:00:81:20:$(hex <digest | apart)" >answers
    good 2 <answers
    answer <answers | cut -c9- | bytes >signature
    openssl pkeyutl -verify -pubin -inkey public.pem -in digest -sigfile signature >/dev/null
done
printf '%s;%s;%s;%s\n' "$number" "$pin" "$puk" "$management" >>codes.csv
