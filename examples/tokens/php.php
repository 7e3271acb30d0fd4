<?php
// Signs a token for one person with a shared secret (HS256). TOKEN_SECRET is what the server has as `token-secret`.

function part(string $data): string
{
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function token_for(string $id, string $name, string $secret): string
{
    $now = time();
    $header = ['alg' => 'HS256', 'typ' => 'JWT'];
    $claims = ['sub' => $id, 'name' => $name, 'iat' => $now, 'exp' => $now + 600];
    $text = part(json_encode($header)) . '.' . part(json_encode($claims));
    return $text . '.' . part(hash_hmac('sha256', $text, $secret, true));
}

// In your script: echo json_encode(['token' => $user ? token_for((string) $user->id, $user->name, $secret) : null]);
echo token_for('42', 'Ada', getenv('TOKEN_SECRET')), "\n";
