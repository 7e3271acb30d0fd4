<?php
/**
 * Plugin Name: Parlour
 * Description: Puts a Parlour thread in place of a post's comments, also in block themes. Whoever is signed in here is signed in there.
 * Version: 0.1.0
 * License: MIT OR Apache-2.0
 *
 * Needs two constants in wp-config.php: PARLOUR_SERVER, the server's address, and PARLOUR_SECRET, the same as the site's
 * `token-secret` (without it everyone is a guest). One file: the theme includes it a second time as its template of comments.
 */

if (!defined('ABSPATH')) {
    exit;
}

// The theme asked for its template of comments.
if (has_filter('parlour_element')) {
    echo apply_filters('parlour_element', ''); // phpcs:ignore WordPress.Security.EscapeOutput -- put together below, escaped
    return;
}

/** A token for whoever is signed in: HS256, good for ten minutes; null for a guest. */
$parlour_token = static function (): ?string {
    $user = wp_get_current_user();
    if (!$user->exists() || !defined('PARLOUR_SECRET')) {
        return null;
    }
    $encode = static fn(string $text): string => rtrim(strtr(base64_encode($text), '+/', '-_'), '=');
    $role = user_can($user, 'manage_options') ? 'admin' : (user_can($user, 'moderate_comments') ? 'moderator' : 'member');
    $claims = ['sub' => 'wp-' . $user->ID, 'name' => $user->display_name, 'role' => $role, 'iat' => time(), 'exp' => time() + 600];
    $signed = $encode('{"alg":"HS256","typ":"JWT"}') . '.' . $encode(wp_json_encode($claims));
    return $signed . '.' . $encode(hash_hmac('sha256', $signed, PARLOUR_SECRET, true));
};

// The page asks here for its token, and for the next one when that expires: so pages can be cached. Other sites' pages cannot read it.
add_action('rest_api_init', static function () use ($parlour_token): void {
    register_rest_route('parlour/v1', '/token', [
        'methods' => 'GET',
        'permission_callback' => '__return_true',
        'callback' => static function () use ($parlour_token): WP_REST_Response {
            // A REST request without a nonce is nobody's; the cookie says whose it is. It only reads, and no other origin reads along.
            $id = wp_validate_auth_cookie('', 'logged_in');
            wp_set_current_user($id ?: 0);
            return new WP_REST_Response(['token' => $parlour_token()], 200, ['Cache-Control' => 'no-store']);
        },
    ]);
});
// WordPress lets every origin read its REST interface, cookies included: not this.
add_filter('rest_pre_serve_request', static function ($served, $result, $request) {
    if ($request->get_route() === '/parlour/v1/token') {
        header_remove('Access-Control-Allow-Origin');
        header_remove('Access-Control-Allow-Credentials');
    }
    return $served;
}, 20, 3);

// The element of the post that is shown.
add_filter('parlour_element', static function (): string {
    if (!is_singular() || post_password_required() || !defined('PARLOUR_SERVER')) {
        return '';
    }
    $server = untrailingslashit(PARLOUR_SERVER);
    return sprintf(
        '<div id="comments"><parlour-comments server="%s" page-id="wp-%d" token-url="%s"></parlour-comments></div><script async src="%s"></script>',
        esc_url($server . '/'),
        get_the_ID(),
        esc_url(rest_url('parlour/v1/token')),
        esc_url($server . '/embed.js')
    );
});

add_filter('comments_template', static fn(): string => __FILE__, 100);
// Block themes.
add_filter('render_block_core/comments', static fn(): string => apply_filters('parlour_element', ''));
add_filter('render_block_core/post-comments', static fn(): string => apply_filters('parlour_element', ''));
