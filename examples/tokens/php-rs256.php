<?php
// Signs a token with a private key (RS256). The server has the public half: token-keys = ["RS256:public.pem"].

function part(string $data): string
{
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function token_for(string $id, string $name, string $key): string
{
    $now = time();
    $header = ['alg' => 'RS256', 'typ' => 'JWT'];
    $claims = ['sub' => $id, 'name' => $name, 'iat' => $now, 'exp' => $now + 600];
    $text = part(json_encode($header)) . '.' . part(json_encode($claims));
    openssl_sign($text, $signature, $key, OPENSSL_ALGO_SHA256);
    return $text . '.' . part($signature);
}

echo token_for('42', 'Ada', file_get_contents(getenv('TOKEN_KEY'))), "\n";
